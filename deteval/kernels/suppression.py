"""Non-maximum suppression: rows by group and rank in, which of them a better one overlaps too much out."""

from deteval.kernels.compiled import kernel
from deteval.kernels.similarity import box_similarity


@kernel("int64(int64, int64, int64[::1], float64[::1], float64, int64[::1], uint8[::1])")
def suppress_groups(first_group, last_group, starts, boxes, limit, kept, dropped):
    """Mark in `dropped` every row whose IoU with an earlier row of its group, itself not dropped, exceeds `limit`.

    Rows `starts[g]` to `starts[g + 1]` are those of group g, best score first; boxes: flat x, y, width, height.
    kept: scratch, as long as `dropped`. Returns how many rows of these groups were dropped.
    """
    count = 0
    for group in range(first_group, last_group):
        start = starts[group]
        end = start
        for d in range(start, starts[group + 1]):
            dx, dy, dw, dh = boxes[4 * d], boxes[4 * d + 1], boxes[4 * d + 2], boxes[4 * d + 3]
            dropped[d] = 0
            for k in range(start, end):
                g = kept[k]
                iou = box_similarity(0, dx, dy, dw, dh, boxes[4 * g], boxes[4 * g + 1], boxes[4 * g + 2],
                                     boxes[4 * g + 3])
                if iou > limit:
                    dropped[d] = 1
                    count += 1
                    break
            if dropped[d] == 0:
                kept[end] = d
                end += 1
    return count
