"""Which rules a line meets: slow, obvious, and without any of the product's code.

Rules are what TOML gives. Each is looked at for each line, one field after another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Rule = dict[str, Any]
Line = dict[str, Any]


@dataclass
class Said:
    """What the rules say of a line."""

    judged: list[str]
    rules: list[str] = field(default_factory=list)
    exempted: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)


def said(blocks: dict[str, list[str]], covers: list[Rule], rules: list[Rule], line: Line) -> Said:
    """Everything that a set says of a line."""
    near = [rule for rule in rules if meets(blocks, rule, line)]
    met = [rule for rule in near if is_of_goods(rule, line)]
    other_goods = [rule for rule in near if not is_of_goods(rule, line)]
    covered = [cover for cover in covers if is_covered(cover, line)]
    judged = sorted({key for cover in covered for key in cover["permit_keys"]})
    answer = Said(judged)
    for rule in met:
        exempted = any(exempts(rule, identifier) for identifier in line["identifiers"])
        (answer.exempted if exempted else answer.rules).append(rule["id"])
    answer.codes = [*missing(met, line), *wrong_exemptions(met, judged, line)]
    answer.codes += wrong_goods(met, other_goods, line)
    return answer


def keys(rule: Rule) -> list[str]:
    """Permit keys that a rule asks for, in order."""
    return sorted(set(rule.get("any_of") or rule["all_of"]))


def holds(ranges: list[str], tariff: str) -> bool:
    """Whether a code has a prefix, or lies between two."""
    for text in ranges:
        first, _, last = text.partition("-")
        if first <= tariff[: len(first)] <= (last or first):
            return True
    return False


def in_days(rule: Rule, on: str) -> bool:
    """Whether a day is one of its days."""
    return rule["from"] <= on and (not rule.get("to") or on <= rule["to"])


def is_covered(cover: Rule, line: Line) -> bool:
    """Whether a cover is for a line."""
    return (
        holds(cover["tariff"], line["tariff"])
        and line["operation"] in cover["operations"]
        and in_days(cover, line["on"])
    )


def allows(rule: Rule, name: str, code: str, blocks: dict[str, list[str]]) -> bool:
    """Whether a list of codes, or of those excepted, allows a code."""
    only = {c for text in rule.get(name, []) for c in blocks.get(text, [text])}
    excepted = {c for text in rule.get(f"except_{name}", []) for c in blocks.get(text, [text])}
    return (not only or code in only) and code not in excepted


def meets(blocks: dict[str, list[str]], rule: Rule, line: Line) -> bool:
    """Whether a line meets a rule, but for the goods that identifiers state."""
    value, quantity = line.get("value_usd"), line.get("quantity")
    least_value, least_quantity = rule.get("value_usd_from"), rule.get("quantity_from")
    return (
        is_covered(rule, line)
        and not holds(rule.get("except_tariff", []), line["tariff"])
        and (not rule.get("nico") or line["nico"] in rule["nico"])
        and allows(rule, "regimes", line["regime"], {})
        and allows(rule, "declaration_keys", line["declaration_key"], {})
        and allows(rule, "countries", line["country"], blocks)
        and allows(aduanas(rule), "offices", line["office"][:2], {})
        and (not least_value or value is None or Decimal(value) >= Decimal(least_value))
        and (not least_quantity or quantity is None or Decimal(quantity) >= Decimal(least_quantity))
    )


def aduanas(rule: Rule) -> Rule:
    """Its offices, as the aduanas that they belong to."""
    names = ("offices", "except_offices")
    return {name: [office[:2] for office in rule.get(name, [])] for name in names}


def is_pattern(pattern: Rule, identifier: list[str]) -> bool:
    """Whether an identifier is the one looked for."""
    key, *complements = identifier
    complements += ["", "", ""]
    wanted = pattern.get("complements", [])
    return pattern["key"] == key and all(
        not one or one == complements[place] for place, one in enumerate(wanted)
    )


def is_of_goods(rule: Rule, line: Line) -> bool:
    """Whether the goods are those that a rule is for, as far as identifiers say it."""
    wanted = rule.get("when_identifiers", [])
    stated = line["identifiers"]
    return not wanted or any(is_pattern(one, identifier) for one in wanted for identifier in stated)


def exemptions(rule: Rule) -> list[Rule]:
    """Identifiers of which each exempts; a scope has its own."""
    patterns = list(rule.get("exempt", []))
    if "scope" in rule:
        letter = {"unicamente": "U", "excepto": "E"}[rule["scope"]["kind"]]
        patterns += [{"key": "XP", "complements": [key, letter]} for key in keys(rule)]
    return patterns


def exempts(rule: Rule, identifier: list[str]) -> bool:
    """Whether an identifier exempts from a rule."""
    return any(is_pattern(pattern, identifier) for pattern in exemptions(rule))


def is_of(rule: Rule, permit: str, key: str) -> bool:
    """Whether a stated permit is of this key and of the rule's agency, where one is stated."""
    *agency, stated = permit.split(" ")
    return stated == key and (not agency or agency[0] == rule["agency"])


def missing(met: list[Rule], line: Line) -> list[str]:
    """N428, or N431 where the goods decide; once for what is asked for twice."""
    told: list[tuple[str, str, str]] = []
    for rule in met:
        if any(exempts(rule, identifier) for identifier in line["identifiers"]):
            continue
        present = [
            any(is_of(rule, permit, key) for permit in line["permits"]) for key in keys(rule)
        ]
        joined = ("+" if "all_of" in rule else "|").join(keys(rule))
        if not (all(present) if "all_of" in rule else any(present)):
            code = "N431" if rule.get("when_identifiers") else "N428"
            if (code, rule["agency"], joined) not in told:
                told.append((code, rule["agency"], joined))
    return [code for code, _, _ in told]


def wrong_exemptions(met: list[Rule], judged: list[str], line: Line) -> list[str]:
    """N429 for each XP on a judged key from which no rule that asks for it is exempted so."""
    wrong = []
    for identifier in line["identifiers"]:
        key = [*identifier, ""][1]
        if identifier[0] == "XP" and key in judged:
            asking = [rule for rule in met if key in keys(rule)]
            if not any(exempts(rule, identifier) for rule in asking):
                wrong.append("N429")
    return wrong


def wrong_goods(met: list[Rule], other_goods: list[Rule], line: Line) -> list[str]:
    """N431 for each permit that only other goods need than those stated."""
    wrong = []
    for permit in line["permits"]:
        key = permit.split(" ")[-1]
        if any(key in keys(rule) and is_of(rule, permit, key) for rule in met):
            continue
        wanted = [rule for rule in other_goods if key in keys(rule) and is_of(rule, permit, key)]
        patterns = {one["key"] for rule in wanted for one in rule["when_identifiers"]}
        if any(identifier[0] in patterns for identifier in line["identifiers"]):
            wrong.append("N431")
    return wrong
