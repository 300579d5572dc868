"""The YAML file of a gate: its rules and everything they lean on, each with the line it stands on."""

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct

from deteval.errors import DetevalError, nearest
from deteval.loading.gate_rules import RULE_KEYS, check_default, parse_names, parse_rule
from deteval.loading.settings import SETTINGS, check_images, files_of, make_settings, setting_of, settings_beside
from deteval.loading.slices import SliceRule, parse_slices
from deteval.loading.yaml_file import Keys, YamlFile, read_yaml
from deteval.records.gate import Mute, Rule
from deteval.records.resampling import Resampling

KEYS = ["version", "baseline", "settings", "defaults", "rules", "slices", "mute"]
RESAMPLING_KEYS = ("alpha", "replicates", "seed", "cluster_by", "correct")
VERSION = 1


class GateConfig(Struct, frozen=True):
    """What a gate was asked for. Paths are as seen from the current folder.

    settings: score's options by name, and `images`. defaults: of rule keys. resampling: fields of `Resampling` that
    were given. slices: by name. files: what the YAML names besides, whether it is used or an option wins over it.
    """

    path: str = ""
    baseline: str | None = None
    settings: Mapping[str, Any] = {}
    defaults: Mapping[str, Any] = {}
    resampling: Mapping[str, Any] = {}
    rules: tuple[Rule, ...] = ()
    slices: Mapping[str, SliceRule] = {}
    mutes: tuple[Mute, ...] = ()
    files: tuple[str, ...] = ()


def read_gate(path: str | Path, override: Mapping[str, Any] | None = None) -> GateConfig:
    """The gate of a YAML file; `DetevalError` (usage) names the line and the nearest valid word.

    override: defaults of rules that win over those of the file.
    """
    file = read_yaml(path)
    file.check_keys((), file.value, KEYS)
    values = {key: value for key, value in file.value.items() if value is not None}
    file.check_version(VERSION)
    defaults, resampling = _defaults(file, values.get("defaults", {}))
    defaults |= override or {}
    slices = parse_slices(file, ("slices",), values["slices"]) if values.get("slices") else {}
    baseline, settings = _baseline(file, values.get("baseline")), _settings(file, values)
    named = (baseline, settings.get("images"), resampling.get("cluster_by"), *files_of(settings))
    return GateConfig(
        path=str(path), baseline=baseline, settings=settings, files=tuple(name for name in named if name),
        defaults=defaults, resampling=resampling, rules=_rules(file, values.get("rules"), defaults, slices),
        slices=slices, mutes=_mutes(file, values.get("mute")),
    )


def _baseline(file: YamlFile, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise file.error(("baseline",), f"{value!r} is not a path")
    return str(Path(file.path).parent / value)


def _settings(file: YamlFile, values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by option name, checked; paths become those of the current folder."""
    part = values.get("settings", {})
    file.check_keys(("settings",), part, [*SETTINGS, "images"])
    settings = {name: value for name, value in part.items() if value is not None}
    settings = settings_beside(file.path, settings)
    try:
        if "images" in settings:
            settings["images"] = str(Path(file.path).parent / check_images(settings["images"]))
        make_settings({name: value for name, value in settings.items() if name != "images"})
    except DetevalError as error:
        raise file.error(("settings", setting_of(error, settings)), str(error)) from None
    return settings


def _defaults(file: YamlFile, part: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Defaults of rule keys, and how is resampled."""
    file.check_keys(("defaults",), part, [*RULE_KEYS, *RESAMPLING_KEYS])
    given = {key: value for key, value in part.items() if value is not None}
    defaults = {key: value for key, value in given.items() if key in RULE_KEYS}
    resampling = {key: value for key, value in given.items() if key in RESAMPLING_KEYS}
    for key, value in defaults.items():
        check_default(key, value, lambda name, problem: file.error(("defaults", name), problem))
    if "cluster_by" in resampling:
        if not isinstance(resampling["cluster_by"], str) or not resampling["cluster_by"]:
            raise file.error(("defaults", "cluster_by"), f"cluster_by: {resampling['cluster_by']!r} is neither a field "
                             "of the image records nor a file")
        beside = Path(file.path).parent / resampling["cluster_by"]
        if os.path.isfile(beside):  # which, unlike the method, takes a name of any length
            resampling["cluster_by"] = str(beside)
    try:
        Resampling(**resampling)
    except DetevalError as error:
        raise file.error(("defaults", str(error).partition(":")[0]), str(error)) from None
    return defaults, resampling


def _rules(file: YamlFile, part: Any, defaults: Mapping[str, Any], slices: Mapping[str, Any]) -> tuple[Rule, ...]:
    if not part:
        raise file.error(("rules",), "there is no rule, and a gate without rules would pass everything; write one, as "
                                     "rules: [{metric: AP, max_drop: 0.5pt}]")
    if not isinstance(part, list):
        raise file.error(("rules",), "rules must be a list, each item a rule such as {metric: AP, max_drop: 0.5pt}")
    rules = []
    for place, item in enumerate(part):
        keys: Keys = ("rules", place)
        file.check_keys(keys, item, list(RULE_KEYS))
        line = file.lines[keys]

        def refuse(key: str, problem: str, keys: Keys = keys) -> DetevalError:
            return file.error((*keys, key), problem)

        rule = parse_rule(item, defaults, f"{file.path}:{line}", line, refuse)
        if rule.slice and rule.slice not in slices:
            raise refuse("slice", unknown_slice(rule.slice, slices))
        rules.append(rule)
    return tuple(rules)


def unknown_slice(name: str, slices: Mapping[str, Any]) -> str:
    """What to say of a slice that is not defined."""
    there = f"; there are {', '.join(slices)}" if slices else "; define it under slices:"
    hint = nearest(name, list(slices)) or there
    return f"there is no slice {name!r}{hint}"


def _mutes(file: YamlFile, part: Any) -> tuple[Mute, ...]:
    if part is None:
        return ()
    if not isinstance(part, list):
        raise file.error(("mute",), "mute must be a list, as [{classes: toaster, until: 2027-12-31, reason: "
                         "relabelling}]")
    mutes = []
    for place, item in enumerate(part):
        keys: Keys = ("mute", place)
        names = ["classes", "until", "reason"]
        file.check_keys(keys, item, names)
        for name in names:
            if item.get(name) in (None, "", []):
                raise file.error(keys, f"a mute needs {name}: which classes, until which day (2027-12-31), and why")
        try:
            classes = parse_names(item["classes"])
        except ValueError as error:
            raise file.error((*keys, "classes"), f"classes: {error}") from None
        mutes.append(Mute(f"{file.path}:{file.lines[keys]}", classes, _day(file, keys, item["until"]),
                          str(item["reason"])))
    return tuple(mutes)


def _day(file: YamlFile, keys: Keys, value: Any) -> date:
    try:
        if isinstance(value, str) and len(value) == len("2027-12-31"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise file.error((*keys, "until"), f"until: {value!r} is not a day, as 2027-12-31")
