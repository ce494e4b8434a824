"""A process, measured: wall seconds, the CPU seconds of its own tree, its peak memory, and the CPU of both servers."""

import json
import os
import signal
import subprocess
import sys
import time

from bench.settings import BENCH

# The longest a contender may take, in seconds.
LIMIT = 3600

running = []


class Failed(Exception):
    """A contender has ended with an error; the text says how."""


class Process:
    def __init__(self, name, words, servers, environment=None):
        self.name, self.servers = name, servers
        self.log = BENCH / f"{name}.log"
        self.output = BENCH / f"{name}.out"
        self.log_begin = self.log.stat().st_size if self.log.exists() else 0
        self.before = servers.cpu()
        self.begin, self.began_at = time.monotonic(), time.time()
        with open(self.log, "ab") as log, open(self.output, "wb") as output:
            # A session of its own: Ctrl-C is ours, and the whole family can be ended at once.
            self.child = subprocess.Popen(
                [str(word) for word in words], stdout=output, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, **(environment or {})}, start_new_session=True)
        # Seconds and kilobytes, whenever there is a new peak.
        self.peaks = [(0, 0)]
        running.append(self)

    def poll(self):
        """Whether it has ended; looks at its memory, too."""
        # The high-water mark of its own memory; getrusage's would count ours, from between fork and exec.
        now = sum(map(peak_kilobytes, family(self.child.pid)))
        if now > self.peak:
            self.peaks.append((time.monotonic() - self.begin, now))
        return os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)

    def wait_for(self, words):
        """Waits until its log has these words; returns the seconds since it began."""
        with open(self.log, errors="replace") as log:
            log.seek(self.log_begin)
            seen = ""
            while words not in seen:
                if self.poll():
                    self.finish()
                    raise Failed(f"{self.name} ended before it said '{words}', see {self.log}")
                seen = seen[-1000:] + log.read()
                time.sleep(0.05)
        return time.monotonic() - self.begin

    def finish(self):
        """Waits for its end; what it printed as a line of JSON is part of the result."""
        while not self.poll():
            time.sleep(0.01)
            if time.monotonic() - self.begin > LIMIT:
                self.kill()
                raise Failed(f"not done after {LIMIT:,} s")
        seconds = time.monotonic() - self.begin
        usage = self.reap()
        after = self.servers.cpu()
        if self.child.returncode != 0:
            last = self.log.read_text(errors="replace").strip().rpartition("\n")[2][:200]
            raise Failed(f"ended with {self.child.returncode}: {last}")
        printed = self.printed()
        if "acknowledged_at" in printed:
            seconds = printed["acknowledged_at"] - self.began_at
        return {
            "seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "peak_mb": self.peak / 1024,
            "early_mb": self.peak_after(seconds / 5) / 1024,
            "postgres_cpu": after[0] - self.before[0], "mongod_cpu": after[1] - self.before[1], **printed,
        }

    @property
    def peak(self):
        """In kilobytes."""
        return self.peaks[-1][1]

    def peak_after(self, seconds):
        """In kilobytes; of those first seconds."""
        return max(peak for at, peak in self.peaks if at <= seconds)

    def reap(self):
        _, status, usage = os.wait4(self.child.pid, 0)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        running.remove(self)
        return usage

    def printed(self):
        last = self.output.read_text(errors="replace").strip().rpartition("\n")[2]
        return json.loads(last) if last.startswith("{") else {}

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        return self.finish()

    def kill(self):
        """Its whole family."""
        os.killpg(self.child.pid, signal.SIGKILL)
        return self.reap()


def kill_all():
    for process in list(running):
        process.kill()


def family(pid):
    """A process and all below it."""
    pids = [pid]
    for parent in pids:
        try:
            with open(f"/proc/{parent}/task/{parent}/children") as file:
                pids += [int(word) for word in file.read().split()]
        except OSError:
            pass
    return pids


def peak_kilobytes(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), 0)
    except OSError:
        return 0


def give_up(words):
    sys.exit(f"bench: {words}")
