#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contract (org.sgp32.*.xml) against what a running service introspects, and against itself."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree

import world
from world import BOOTSTRAP, EID, EIM, EUICC, ROOT, Skip, World, equal

FILES = sorted(glob.glob(os.path.join(os.environ["SGP32_XML_DIR"], "org.sgp32.*.xml")))
# What of systemd's annotations says something about the contract.
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def described(interface):
    """One comparable value of an interface: members with arguments, access and annotations."""
    members = {}
    for node in interface:
        if node.tag not in ("method", "signal", "property"):
            continue
        arguments = [
            (a.get("name"), a.get("type"), a.get("direction", "out"))
            for a in node.findall("arg")
        ]
        annotations = sorted((a.get("name"), a.get("value")) for a in node.findall("annotation"))
        members[node.tag, node.get("name")] = (
            arguments,
            node.get("type"),
            node.get("access"),
            annotations,
        )
    return members


def contract():
    interfaces = {}
    for name in FILES:
        for interface in ElementTree.parse(name).getroot().findall("interface"):
            equal(os.path.basename(name), interface.get("name") + ".xml")
            interfaces[interface.get("name")] = described(interface)
    return interfaces


def test_the_service_introspects_as_the_contract_says():
    wanted = contract()
    found = {}
    with World() as w:
        job = f"{ROOT}/job/" + w.control(f"start-job poll eim 0 {EID}")
        for path in (ROOT, EUICC, BOOTSTRAP, EIM, job):
            for interface in ElementTree.fromstring(w.introspect(path)).findall("interface"):
                if interface.get("name").startswith("org.sgp32."):
                    found[interface.get("name")] = described(interface)
    equal(sorted(found), sorted(wanted))
    for name, members in wanted.items():
        equal(sorted(found[name]), sorted(members), name)
        for member, description in members.items():
            equal(found[name][member], description, f"{name} {member}")


def test_gdbus_codegen_accepts_the_contract():
    if not shutil.which("gdbus-codegen"):
        raise Skip("gdbus-codegen is not installed")
    with tempfile.TemporaryDirectory() as folder:
        for arguments in (
            ["--header", "--output", os.path.join(folder, "api.h")],
            ["--body", "--output", os.path.join(folder, "api.c")],
            ["--generate-docbook", os.path.join(folder, "doc")],
        ):
            result = subprocess.run(
                ["gdbus-codegen", *arguments, *FILES], capture_output=True, text=True, check=False
            )
            equal((result.returncode, result.stderr), (0, ""), " ".join(arguments))
        assert os.path.getsize(os.path.join(folder, "api.h")) > 1000


def comments(path):
    """Members of a file with the comment before them."""
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    comment = ""
    for node in ElementTree.parse(path, parser).getroot().find("interface"):
        if node.tag is ElementTree.Comment:
            comment = node.text
        elif node.tag in ("method", "signal", "property"):
            yield node, comment
            comment = ""


def known_errors():
    names = subprocess.run(
        [os.environ["LIST_ERRORS"]], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "NotFound" in names
    return names


def test_every_method_names_its_errors_and_its_arguments():
    known = known_errors()
    for path in FILES:
        for node, comment in comments(path):
            if node.tag not in ("method", "signal"):
                continue
            name = node.get("name")
            assert re.match(rf"\s*{name}:", comment), f"{path}: {name} is not documented"
            for argument in node.findall("arg"):
                assert f"@{argument.get('name')}:" in comment, f"{name}: {argument.get('name')}"
            if node.tag == "signal":
                continue
            found = re.search(r"Errors: (.*)\.\s*$", comment, re.DOTALL)
            assert found, f"{path}: {name} does not end with its errors"
            for error in re.sub(r"\([^)]*\)", "", found.group(1)).split(","):
                assert error.strip() in known, f"{name}: there is no error {error.strip()!r}"


def test_every_property_is_documented_and_every_number_has_its_unit():
    for path in FILES:
        for node, comment in comments(path):
            if node.tag != "property":
                continue
            name = node.get("name")
            assert re.match(rf"\s*{name}: \S", comment), f"{path}: {name} is not documented"
            if re.search("[nqiuxtd]", re.sub(r"a\{sv\}", "", node.get("type"))):
                if node.get("type") not in ("a{sv}", "aa{sv}", "(ssa{sv})"):
                    assert "Unit" in comment, f"{path}: {name} has no unit"


if __name__ == "__main__":
    world.run(__name__)
