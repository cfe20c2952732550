# gdetect_runtime.py - the part of gdetect-gdb.py that reads: goroutines out of memory, places out
# of addresses.
#
# The runtime describes its structs itself (runtime/inspect/layout.h), and an ELF note in every
# program leads there by way of the anchor (runtime/inspect/anchor.h). Nothing is written.

import re
import time

import gdb

ERRORS = (gdb.error, gdb.GdbError)
LONG = gdb.lookup_type("unsigned long")
MAGIC = b"\x7fgdetect\xc2\xa7anchor"
TEXT_MAX = 96
FRAMES_MAX = 64  # looked through for the first one of the user's
REGISTERS = ("rbx", "rbp", "r12", "r13", "r14", "r15")  # order of g.call_regs
CALLING_BACK = ("gd_once_", "gd_pool_", "gd_defer_")  # functions of ours that call the user's
RECORD_READ = 2048  # bytes below a record, read with it: most parked stacks are no deeper


def number(data, offset=0, size=8, signed=False):
    return int.from_bytes(data[offset:offset + size], "little", signed=signed)


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def read_or_none(address, size):
    try:
        return read(address, size)
    except gdb.error:
        return None


def text_of(data):
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


def read_text(address):
    """A NUL-terminated text; "" if it cannot be read, as a binary that is missing has it."""
    if address == 0:
        return ""
    data = read_or_none(address, TEXT_MAX)
    if data is None:  # the end of a mapping is near
        data = read_or_none(address, 4096 - address % 4096)
    return text_of(data) if data else ""


class Anchor:
    """Where the description of the runtime is: by the ELF note, else by its 16 bytes of magic."""

    SECTION = re.compile(r"^\s*(0x[0-9a-f]+) - (0x[0-9a-f]+) is (\S+)", re.M)
    MAPPING = re.compile(r"^\s*(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s.*\brw", re.M)

    @classmethod
    def find(cls, files):
        """Its address; files: what gdb's `info files` says."""
        sections = [(int(lo, 16), int(hi, 16), name)
                    for lo, hi, name in cls.SECTION.findall(files)]
        for lo, hi, name in sections:
            if name == ".note.gdetect" and hi - lo >= 28:
                note = read_or_none(lo, 28)
                at = lo + 20 + number(note, 20, 8, True) if note else 0
                if at and cls.right(at):
                    return at
        for lo, hi in cls.segments(sections):
            at = cls.search(lo, hi)
            if at:
                return at
        raise gdb.GdbError("no gdetect runtime found in this program")

    @staticmethod
    def right(at):
        data = read_or_none(at, 64)
        return data is not None and data[:16] == MAGIC

    @classmethod
    def segments(cls, sections):
        loads = [(lo, hi) for lo, hi, name in sections if re.match(r"load\d|\.data$", name)]
        if loads:
            return loads
        try:
            maps = gdb.execute("info proc mappings", to_string=True)
        except gdb.error:
            return []
        return [(int(lo, 16), int(hi, 16)) for lo, hi in cls.MAPPING.findall(maps)]

    @classmethod
    def search(cls, lo, hi):
        while lo < hi:
            try:
                at = gdb.selected_inferior().search_memory(lo, hi - lo, MAGIC)
            except gdb.error:
                return None
            if at is None or cls.right(at):
                return at
            lo = at + 1
        return None


class Runtime:
    """The runtime of the selected inferior. Made anew for each command: nothing goes stale."""

    def __init__(self):
        files = gdb.execute("info files", to_string=True)
        self.anchor = Anchor.find(files)
        self.layout = number(read(self.anchor, 64), 56)
        if number(read(self.anchor, 24), 16, 4) < 3:
            raise gdb.GdbError("the program's gdetect is older than this script")
        if self.layout == 0:
            raise gdb.GdbError("the gdetect runtime has not started yet")
        self.read_layout()
        self.g_size = self.entries["g"][1]
        self.gtab = self.at(self.anchor, "anchor.gtab")
        self.slot_size = self.at(self.gtab, "gtab.head.slot_size")
        self.now = self.clock("\nNative process:" in files)
        self.threads = {t.ptid[1]: t for t in gdb.selected_inferior().threads()}
        self.tids = {}

    def read_layout(self):
        head = read(self.layout, 24)
        n, size, states, reasons, text = (number(head, i * 4, 4) for i in range(5))
        if n > 4096 or size > 256 or states > 64 or reasons > 4096 or text > 256:
            raise gdb.GdbError("the runtime's description of itself is broken")
        data = read(self.layout + 24, n * size + (states + reasons) * text)
        self.entries = {}
        for i in range(n):
            row = data[i * size:(i + 1) * size]
            self.entries[text_of(row[:24])] = (number(row, 24, 4), number(row, 28, 4))
        texts = [text_of(data[at:at + text]) for at in range(n * size, len(data), text)]
        self.states, self.reasons = texts[:states], texts[states:]

    def get(self, data, name, signed=False):
        """A member of a struct that was read whole."""
        offset, size = self.entries[name]
        return number(data, offset, min(size, 8), signed)

    def at(self, address, name, signed=False):
        """A member of the struct at an address."""
        offset, size = self.entries[name]
        return number(read(address + offset, min(size, 8)), 0, 8, signed)

    def constant(self, name):
        return self.entries[name][0]

    def clock(self, native):
        """The process's clock: what it noted last; if it lives here, our own."""
        noted = number(read(self.at(self.anchor, "anchor.now"), 8), 0, 8, True)
        return max(noted, time.clock_gettime_ns(time.CLOCK_MONOTONIC)) if native else noted

    def tid_of(self, m):
        if m not in self.tids:
            data = read_or_none(m, self.entries["m"][1]) if m else None
            self.tids[m] = self.get(data, "m.tid") if data else 0
        return self.tids[m]

    def goroutines(self):
        """All goroutines, by number."""
        found = []
        self.lost = 0
        arena_size = self.entries["arena"][1]
        arenas = self.at(self.gtab, "gtab.head.n")
        table = read(self.gtab + self.constant("gtab.arena"), arenas * arena_size)
        for i in range(0, arenas * arena_size, arena_size):
            arena = table[i:i + arena_size]
            base, used = self.get(arena, "arena.base"), self.get(arena, "arena.used")
            for k in range(min(used, self.constant("arena.slots"))):
                g = self.goroutine(self.record_address(base, k))
                if g:
                    found.append(g)
        return sorted(found, key=lambda g: g.id)

    def record_address(self, base, i):
        down = i % self.constant("record.colours") * self.constant("record.step")
        return base + (i + 1) * self.slot_size - self.constant("record.room") - down

    def goroutine(self, address):
        data = read_or_none(address - RECORD_READ, RECORD_READ + self.g_size)
        if data is None:
            data = read_or_none(address, self.g_size)
        if data is None or self.get(data[-self.g_size:], "g.seq") == 0:
            self.lost += 1
            return None
        return Goroutine.decode(self, address, data)


class Goroutine:
    """A goroutine as it was when the process stopped."""

    @classmethod
    def decode(cls, rt, address, data):
        record = data[-rt.g_size:]
        status = rt.get(record, "g.status")
        state = rt.states[status] if status < len(rt.states) else "unknown"
        if state in ("free", "dead", "unknown"):
            rt.lost += state == "unknown"
            return None
        g = cls()
        g.rt, g.address, g.record = rt, address, record
        g.below = data[:-rt.g_size]  # memory that ends at the record
        g.id = rt.get(record, "g.id")
        g.state = state
        g.system = rt.get(record, "g.system") != 0
        if state == "waiting" and rt.get(record, "g.wake_waiter"):
            g.state = "runnable"  # it was served, and its waker has not said so yet
        g.reason = rt.get(record, "g.wait_reason") if g.state == "waiting" else 0
        g.tid = rt.tid_of(rt.get(record, "g.m")) if state in ("running", "syscall") else 0
        g.thread = rt.threads.get(g.tid) if g.tid else None
        return g

    def field(self, name):
        return self.rt.get(self.record, "g." + name)

    @property
    def what(self):
        if self.state != "waiting":
            return self.state
        texts = self.rt.reasons
        return texts[self.reason] if self.reason < len(texts) else "unknown wait"

    @property
    def age(self):
        """How long it has waited, as text."""
        since = self.field("since")
        if self.state != "waiting" or since == 0:
            return ""
        s = max(0, self.rt.now - since) // 1000000000
        if s < 60:
            return "%ds" % s
        return "%dm%02ds" % (s // 60, s % 60) if s < 3600 else "%dh%02dm" % (
            s // 3600, s // 60 % 60)

    @property
    def name(self):
        return read_text(self.field("name"))

    def context(self):
        """Saved registers by name; None: its thread has them."""
        if self.thread is not None and not (self.state == "syscall" and self.thread_is_bare()):
            return None
        if self.state == "syscall" or (self.state == "running" and self.field("call_sp")):
            offset = self.rt.constant("g.call_regs")
            regs = {name: number(self.record, offset + 8 * i)
                    for i, name in enumerate(REGISTERS)}
            regs.update(rsp=self.field("call_sp"), rip=self.field("call_pc"),
                        rbp=self.field("call_bp"))
        elif self.state in ("waiting", "runnable"):
            regs = {"rsp": self.field("ctx.sp"), "rbp": self.field("ctx.bp"),
                    "rip": self.field("ctx.pc")}
        else:
            raise gdb.GdbError("goroutine %d runs on a thread that is not here (LWP %d)" %
                               (self.id, self.tid))
        if self.fresh(regs):
            regs["rip"] += 1  # inside of its first function, as a return address would be
        lo, hi = self.field("stack_lo"), self.field("stack_hi")
        if not lo - 65536 <= regs["rsp"] < hi:
            raise gdb.GdbError("goroutine %d: its saved stack pointer makes no sense" % self.id)
        return regs

    def thread_is_bare(self):
        """In a gd_dump, threads in the kernel have no registers but rsp and rip."""
        was = gdb.selected_thread()
        self.thread.switch()
        frame = gdb.newest_frame()
        values = [int(frame.read_register(r).cast(LONG)) for r in REGISTERS]
        if was is not None:
            was.switch()
        return not any(values)

    def fresh(self, regs):
        return self.state == "runnable" and regs["rbp"] == 0

    def word_pair(self, at):
        offset = at - (self.address - len(self.below))
        if 0 <= offset <= len(self.below) - 16:
            return number(self.below, offset), number(self.below, offset + 8)
        data = read_or_none(at, 16)
        return (number(data), number(data, 8)) if data else (0, 0)

    def saved_pcs(self):
        """Return addresses by frame pointers, which all of the runtime's own frames have."""
        regs = self.context()
        hi, at = self.field("stack_hi"), regs["rbp"]
        yield regs["rip"]
        last = regs["rsp"]
        for _ in range(FRAMES_MAX):
            if not last <= at <= hi - 16 or at % 8:
                return
            last = at + 16
            at, pc = self.word_pair(at)
            if pc == 0:
                return
            yield pc

    def thread_pcs(self):
        self.thread.switch()
        frame = gdb.newest_frame()
        for _ in range(FRAMES_MAX):
            yield frame.pc() + (frame.level() == 0 if hasattr(frame, "level") else 0)
            frame = frame.older()
            if frame is None:
                return

    def where(self, code):
        """The innermost place of the user's, as text."""
        try:
            if self.thread is None and self.fresh(self.context()):
                return code.place(self.field("fn") + 1)
            if self.state == "syscall":
                return code.place(self.field("call_pc"))
            pcs = list(self.saved_pcs() if self.thread is None else self.thread_pcs())
            i = code.first_of_user(pcs)
            return code.place(pcs[i]) if i is not None else "?"
        except ERRORS:
            return "?"

    def title(self):
        age = self.age
        text = "goroutine %d [%s%s]" % (self.id, self.what, ", " + age if age else "")
        name = self.name
        return text + " " + name if name else text


class Code:
    """Places in the program for return addresses; what it has found out, it keeps."""

    def __init__(self):
        self.places = {}
        self.root = None
        symbol = gdb.lookup_global_symbol("gd_run")
        tail = "runtime/sched/start.c"
        if symbol is not None and symbol.symtab is not None:
            path = symbol.symtab.fullname()
            if path.endswith(tail):
                self.root = path[:-len(tail)]

    def look_up(self, pc):
        """(function, place, whose code): "ours", "user" or "" for unknown."""
        if pc == 0:
            return "", "?", ""
        known = self.places.get(pc)
        if known is None:
            known = self.places[pc] = self.look_up_fresh(pc)
        return known

    def look_up_fresh(self, pc):
        symbol = gdb.execute("info symbol %#x" % (pc - 1), to_string=True)
        m = re.match(r"(\S+)(?: \+ \d+)? in section ", symbol)
        name, module = m.group(1) if m else "", gdb.solib_name(pc - 1) or ""
        block = None
        try:
            block = gdb.block_for_pc(pc - 1)
        except RuntimeError:
            pass
        while block is not None and block.function is None:
            block = block.superblock
        if block is not None:
            name = block.function.print_name
        line = gdb.find_pc_line(pc - 1)
        place = name or "%#x" % pc
        if line.symtab is not None and line.line:
            place += " at %s:%d" % (line.symtab.filename.rsplit("/", 1)[-1], line.line)
        elif module:
            place += " in " + module.rsplit("/", 1)[-1]
        return name, place, self.whose(name, module, line.symtab)

    def whose(self, name, module, symtab):
        if "libgdetect" in module or name.startswith(("gd_", "gd.")):
            return "ours"
        if symtab is None:
            return ""
        path = symtab.fullname()
        ours = self.root and path.startswith((self.root + "runtime/", self.root + "detector/"))
        return "ours" if ours else "user"

    def place(self, pc):
        return self.look_up(pc)[1]

    def first_of_user(self, pcs):
        """
        The index in pcs of the innermost one that is not the runtime's; None if there is none.
        Without debug information of ours, static functions in it look like anybody's: then it
        is the caller of the outermost function of ours.
        """
        first = 0
        for i, pc in enumerate(pcs):
            name, _, whose = self.look_up(pc)
            if name.endswith("ctx_start"):
                return first if first < i else None
            if whose == "user":
                return i
            if whose == "ours" and not name.startswith(CALLING_BACK):
                first = i + 1
        return first if pcs and first < len(pcs) else None
