"""Data like COCO's, the programs that score it, and a runner that times them side by side."""
