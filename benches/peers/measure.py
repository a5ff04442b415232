"""One measure: a contender is started, loaded by a client, and its processes' CPU time is read."""

import json
import os
import selectors
import signal
import socket
import subprocess
import time

import workloads
from contenders import Place

TICKS = os.sysconf("SC_CLK_TCK")
CONTENDER_CPU, LOAD_CPU = {0}, {1}
IDLE_CONNECTIONS = 9_800


class Unmeasurable(Exception):
    """A contender did not start, or did not answer as it should."""


def _stat(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        text = stat.read()
    return text[text.rindex(")") + 2 :].split()


def _family(pid):
    """A process and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(int(_stat(entry)[1]), []).append(int(entry))
            except (OSError, ValueError):
                continue
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children.get(found[-1], [])
    return found


def cpu_seconds(pid):
    """User and system time of a process and its descendants."""
    user = system = 0
    for member in _family(pid):
        try:
            fields = _stat(member)
        except OSError:
            continue
        user, system = user + int(fields[11]), system + int(fields[12])
    return user / TICKS, system / TICKS


def resident_kib(pid):
    """Proportional resident memory of a process and its descendants."""
    total = 0
    for member in _family(pid):
        try:
            with open(f"/proc/{member}/smaps_rollup", encoding="ascii") as rollup:
                total += sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        except OSError:
            continue
    return total


def machine_seconds():
    """CPU time that the whole machine has spent busy."""
    with open("/proc/stat", encoding="ascii") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def pinned(cpus):
    """For a child process: stay on these processors."""
    return lambda: os.sched_setaffinity(0, cpus)


def start(argv, cpus, port, log):
    """Starts a process and waits until its port answers."""
    with open(log, "w", encoding="utf-8") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, preexec_fn=pinned(cpus))
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Unmeasurable(f"exited with {process.returncode}, see {log}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process
        except OSError:
            time.sleep(0.03)
    stop(process)
    raise Unmeasurable("never listened")


def stop(process):
    """Ends a process and its descendants."""
    family = _family(process.pid)
    process.terminate()
    try:
        process.wait(4)
    except subprocess.TimeoutExpired:
        pass
    for member in family:
        try:
            os.kill(member, signal.SIGKILL)
        except OSError:
            pass
    process.wait()


def _run(argv):
    done = subprocess.run(
        argv, preexec_fn=pinned(LOAD_CPU), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        raise Unmeasurable(f"{argv[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout


def _h2load(workload, links, seconds, log=None):
    argv = ["h2load", "-t1", f"-c{workload.connections}", f"-m{workload.streams}", "-i", links]
    if workload.tool == "h2load-h1":
        argv.append("--h1")
    else:
        argv += ["-w16", "-W20"]
    if workload.rate:
        argv.append(f"--rps={workload.rate / workload.connections}")
    if log:
        argv.append(f"--log-file={log}")
    argv += [f"-n{workload.requests}"] if workload.requests else ["-D", str(seconds)]
    return argv


def _percentiles(log):
    """Microseconds within which half and 99 % of the answers came, from h2load's log."""
    with open(log, encoding="ascii") as lines:
        times = sorted(int(line.split("\t")[2]) for line in lines)
    if not times:
        return None, None
    return times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]


def _read_h2load(out, workload, log):
    line = next(line for line in out.splitlines() if line.startswith("requests:"))
    done = int(line.split(" done")[0].split()[-1])
    codes = next(line for line in out.splitlines() if line.startswith("status codes:"))
    good = int(codes.split(" 2xx")[0].split()[-1])
    p50, p99 = _percentiles(log)
    size = workloads.SIZES[workload.size]
    return {"requests": done, "bad": max(0, done - good), "bytes": good * size, "p50_us": p50, "p99_us": p99}


def _wrk(workload, url, seconds):
    return [
        "wrk", "-t1", f"-c{workload.connections}", f"-d{seconds}s",
        "-H", "Connection: close", url,
    ]


def _read_wrk(out):
    done = int(next(line for line in out.splitlines() if " requests in " in line).split()[0])
    return {"requests": done, "bad": done if "Non-2xx" in out else 0, "bytes": 0}


def _idle(process, port, link):
    """Opens connections, asks once on each, and looks at what each costs while it waits."""
    request = f"GET {link} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()

    def ask(connection):
        connection.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(65536)
        head, body = answer.split(b"\r\n\r\n", 1)
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise Unmeasurable(head.split(b"\r\n", 1)[0].decode())
        while len(body) < workloads.SIZES["k1"]:
            body += connection.recv(65536)

    def opened():
        connection = socket.create_connection(("127.0.0.1", port), 5)
        ask(connection)
        return connection

    warm = [opened() for _ in range(64)]
    before = resident_kib(process.pid)
    waiting = [opened() for _ in range(IDLE_CONNECTIONS)]
    time.sleep(0.7)
    after = resident_kib(process.pid)
    with selectors.DefaultSelector() as selector:
        for connection in waiting:
            selector.register(connection, selectors.EVENT_READ)
        closed = len(selector.select(0))
    for connection in warm + waiting:
        connection.close()
    return {
        "requests": len(waiting), "bad": closed, "resident_kib": before, "idle_kib": after,
        "bytes_a_connection": (after - before) * 1024 / len(waiting),
    }


def measure(contender, name, seconds, setting):
    """Starts the contender, warms it, loads it, and gives what it cost."""
    workload = workloads.WORKLOADS[name]
    folder = os.path.join(setting.folder, "run", contender.name)
    os.makedirs(folder, exist_ok=True)
    place = Place(setting.port, folder, setting.origin_port, setting.folder, setting.countersign)
    process = start(contender.start(place), CONTENDER_CPU, setting.port, f"{folder}/log")
    try:
        scheme = "https" if contender.tls else "http"
        base = f"{scheme}://127.0.0.1:{setting.port}"
        links = workloads.links(contender.signer, workload.size, base, setting.folder)
        with open(links, encoding="ascii") as lines:
            first = lines.readline().strip()
        if workload.tool == "idle":
            return _idle(process, setting.port, first[len(base) :])
        log = os.path.join(folder, "requests.tsv")
        if workload.tool == "wrk-close":
            warm, load = _wrk(workload, first, 1), _wrk(workload, first, seconds)
        else:
            fewer = workload.requests and 1
            warming = workloads.dataclasses.replace(workload, requests=fewer, rate=0)
            warm, load = _h2load(warming, links, 1), _h2load(workload, links, seconds, log)
        _run(warm)
        if os.path.exists(log):
            os.remove(log)
        own, origin, machine = cpu_seconds(process.pid), cpu_seconds(setting.origin.pid), machine_seconds()
        children = os.times()
        began = time.monotonic()
        out = _run(load)
        wall = time.monotonic() - began
        children = [b - a for a, b in zip(children, os.times())]
        user, system = (b - a for a, b in zip(own, cpu_seconds(process.pid)))
        known = user + system + children[2] + children[3]
        known += sum(cpu_seconds(setting.origin.pid)) - sum(origin)
        result = _read_wrk(out) if workload.tool == "wrk-close" else _read_h2load(out, workload, log)
        good = result["requests"] - result["bad"]
        if good <= 0:
            raise Unmeasurable(f"no good answer: {out[-300:]}")
        result.update(
            user=user, system=system, wall=wall,
            foreign=max(0.0, machine_seconds() - machine - known) / wall,
            resident_kib=resident_kib(process.pid),
            cpu_100k=(user + system) / good * 1e5,
        )
        if result["bytes"]:
            result["cpu_gib"] = (user + system) / (result["bytes"] / 2**30)
        return result
    finally:
        stop(process)


def record(path, entry):
    """Appends one measure to a file of them."""
    with open(path, "a", encoding="ascii") as out:
        out.write(json.dumps(entry) + "\n")
