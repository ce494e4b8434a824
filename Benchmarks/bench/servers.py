"""The two servers: PostgreSQL keeps its data from run to run; mongod begins empty, and what it holds can be kept under
a name and brought back."""

import os
import shutil
import signal
import subprocess
import time

import pymongo

from bench.settings import BENCH, RELEASE, step

MONGOD, KEPT = BENCH / "mongod", BENCH / "seeded"


class Servers:
    def __init__(self):
        self.postgres = self.client = self.child = None

    def start(self):
        shutil.rmtree(KEPT, ignore_errors=True)
        with step("starting PostgreSQL and mongod"):
            addresses = subprocess.check_output([RELEASE / "wherry-dev", "bench-servers"], text=True).splitlines()
        # programs: the folder of PostgreSQL's, of the version that runs.
        self.postgres, self.mongo, self.programs = addresses
        self.client = pymongo.MongoClient(self.mongo)
        # Its command line; it is started with the same one again.
        with open(f"/proc/{self.mongo_pid()}/cmdline") as file:
            self.words = file.read().split("\0")[:-1]
        self.keep("empty")

    def close(self):
        self.stop_mongo()
        subprocess.check_call([RELEASE / "wherry-dev", "down", "bench"])
        shutil.rmtree(KEPT, ignore_errors=True)

    def source(self, database):
        """PostgreSQL's address of a database."""
        return self.postgres.rsplit("/", 1)[0] + "/" + database

    def mongo_pid(self):
        """Of the running mongod; None when there is none."""
        try:
            text = (MONGOD / "data/mongod.lock").read_text().strip()
        except FileNotFoundError:
            return None
        return int(text) if text else None

    def stop_mongo(self):
        if self.client:
            self.client.close()
        pid = self.mongo_pid()
        if not pid:
            return
        os.kill(pid, signal.SIGTERM)
        if self.child:
            self.child.wait()
            self.child = None
        while os.path.exists(f"/proc/{pid}"):
            time.sleep(0.05)

    def start_mongo(self):
        with open(MONGOD / "server.log", "ab") as log:
            self.child = subprocess.Popen(
                self.words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.client = pymongo.MongoClient(self.mongo)
        while not self.client.admin.command("hello")["isWritablePrimary"]:
            time.sleep(0.05)

    def keep(self, name):
        """Keeps what mongod holds under this name; mongod is stopped for it."""
        self.stop_mongo()
        shutil.rmtree(KEPT / name, ignore_errors=True)
        copy(MONGOD / "data", KEPT / name)
        self.start_mongo()

    def has_kept(self, name):
        return (KEPT / name).exists()

    def forget(self, name):
        shutil.rmtree(KEPT / name, ignore_errors=True)

    def restore(self, name):
        """mongod as it was when it was kept, its documents in its cache, and nothing left to be written to the disk."""
        self.stop_mongo()
        shutil.rmtree(MONGOD / "data")
        copy(KEPT / name, MONGOD / "data")
        self.start_mongo()
        for database in set(self.client.list_database_names()) - {"admin", "config", "local"}:
            for collection in self.client[database].list_collection_names():
                everything = self.client[database][collection]
                # Both read all there is: the keys, then the documents.
                everything.count_documents({}, hint="_id_")
                everything.count_documents({"no such field": 1})
        self.client.admin.command("fsync")
        os.sync()

    def cpu(self):
        """Seconds of CPU that PostgreSQL and mongod have used so far."""
        postmaster = int((BENCH / "postgres/data/postmaster.pid").read_text().split()[0])
        # Of processes that have ended the postmaster has the sum.
        children = open(f"/proc/{postmaster}/task/{postmaster}/children").read().split()
        postgres = ticks(postmaster, 4) + sum(ticks(pid, 2) for pid in children)
        pid = self.mongo_pid()
        return tuple(x / os.sysconf("SC_CLK_TCK") for x in (postgres, ticks(pid, 2) if pid else 0))


def copy(folder, to):
    to.parent.mkdir(parents=True, exist_ok=True)
    subprocess.check_call(["cp", "-a", "--reflink=auto", folder, to])


def ticks(pid, count):
    """Of a process utime, stime, and those of its children that have ended (proc(5)); 0 when it has ended itself."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11 : 11 + count]))
