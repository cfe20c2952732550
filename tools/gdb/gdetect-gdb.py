# gdetect-gdb.py - goroutines in gdb 10 or later: live processes and cores of any origin.
#
#   info goroutines [-a] [-g] [REGEX]   (also: goroutines)
#   goroutine N                         bt, up, info locals, ... are N's until the program goes on
#   goroutine N|N-M,...|all COMMAND     COMMAND in the context of each
#   goroutine off                       back to the thread
#
# No debug information of the runtime is needed. Nothing of the process is ever written, no register
# either: the stack of a goroutine that does not run is shown by an unwinder that takes frame 0 of a
# thread for a call from the goroutine's saved context. So an interrupt at any moment does no harm,
# and cores work as live processes do. The goroutine's frames begin at number 1.

import itertools
import os
import re
import sys

import gdb
import gdb.unwinder
from gdb.FrameDecorator import FrameDecorator

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
try:
    from gdetect_runtime import ERRORS, FRAMES_MAX, LONG, Code, Runtime
finally:
    sys.path.pop(0)
    sys.dont_write_bytecode = writes


class Shown(FrameDecorator):
    """A frame in a backtrace; gdb's own decorator has no text for one without a name."""

    def function(self):
        return self.inferior_frame().name() or "??"


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class Selection(gdb.unwinder.Unwinder):
    """
    The goroutine whose frames are shown in place of a thread's: an unwinder for frame 0 of
    that thread, and a frame filter that leaves frame 0 out of backtraces.
    """

    def __init__(self):
        super().__init__("gdetect-goroutine")
        self.enabled = False
        self.priority = 1000  # of the filter
        self.g = None
        gdb.unwinder.register_unwinder(None, self, True)
        gdb.frame_filters["gdetect-goroutine"] = self

    def show(self, g):
        """Makes g's frames those of the selected thread. """
        self.drop()
        regs = g.context()
        if regs is None:
            g.thread.switch()
            gdb.newest_frame().select()
            return
        thread = stopped_thread()
        newest = gdb.newest_frame()
        self.from_sp = int(newest.read_register("rsp").cast(LONG))
        self.from_pc = newest.pc()
        self.thread = thread
        self.regs = {name: gdb.Value(v).cast(LONG) for name, v in regs.items()}
        self.g = g
        self.options = [(o, gdb.parameter(o)) for o in ("backtrace past-main",
                                                        "backtrace past-entry")]
        for option, _ in self.options:
            gdb.execute("set %s on" % option)
        self.enabled = True
        gdb.invalidate_cached_frames()
        try:
            self.select_first(regs["rsp"])
        except BaseException:
            self.drop()
            raise

    def select_first(self, newest_sp):
        self.skip = 0
        frame = gdb.newest_frame()
        while frame is not None:
            if self.skip and int(frame.read_register("rsp").cast(LONG)) == newest_sp:
                self.user_frame(frame).select()
                return
            self.skip += 1
            frame = frame.older()
        raise gdb.GdbError("goroutine %d: gdb does not follow its stack" % self.g.id)

    @staticmethod
    def user_frame(frame):
        """The innermost one that is not the runtime's, from this one outward."""
        frames = [frame]
        while len(frames) < FRAMES_MAX and frames[-1].older() is not None:
            frames.append(frames[-1].older())
        return frames[Code().first_of_user([f.pc() for f in frames]) or 0]

    def drop(self):
        if not self.enabled:
            return
        self.enabled = False
        self.g = None
        for option, was in self.options:
            gdb.execute("set %s %s" % (option, "on" if was else "off"))
        gdb.invalidate_cached_frames()

    def __call__(self, pending):
        if int(pending.read_register("rsp")) != self.from_sp or \
                int(pending.read_register("rip")) != self.from_pc:
            return None
        if gdb.selected_thread() is None or gdb.selected_thread().ptid != self.thread.ptid:
            return None
        # Below the frames that follow: gdb takes a stack that goes back for a broken one.
        info = pending.create_unwind_info(FrameId(self.regs["rsp"] - 8, self.regs["rip"]))
        for name, value in self.regs.items():
            info.add_saved_register(name, value)
        return info

    def filter(self, frames):
        thread = gdb.selected_thread()
        if self.enabled and thread is not None and thread.ptid == self.thread.ptid:
            return map(Shown, itertools.islice(frames, self.skip, None))
        return frames


def stopped_thread():
    """The selected thread, or any that is stopped, which is selected then."""
    thread = gdb.selected_thread()
    if thread is None or not thread.is_valid() or not thread.is_stopped():
        stopped = [t for t in gdb.selected_inferior().threads() if t.is_stopped()]
        if not stopped:
            raise gdb.GdbError("no thread is stopped")
        thread = stopped[0]
        thread.switch()
    return thread


selection = Selection()


def forget(_event):
    """The program goes on or has ended: what was selected is no more."""
    selection.drop()


gdb.events.cont.connect(forget)
gdb.events.exited.connect(forget)


class Kept:
    """The user's thread, frame and goroutine: as they were, whatever happens meanwhile."""

    def __enter__(self):
        self.g = selection.g
        self.thread = gdb.selected_thread()
        self.level = 0
        try:
            frame = gdb.selected_frame()
            while frame.newer() is not None:
                self.level, frame = self.level + 1, frame.newer()
        except gdb.error:
            self.level = 0

    def __exit__(self, *_):
        selection.drop()
        if self.thread is None or not self.thread.is_valid() or self.thread.is_running():
            return
        self.thread.switch()
        if self.g is not None:
            selection.show(self.g)
        frame = gdb.newest_frame()
        for _ in range(self.level):
            frame = frame.older() or frame
        frame.select()


def need_process():
    if gdb.selected_thread() is None:
        raise gdb.GdbError("no process and no core: nothing to look at")


class InfoGoroutines(gdb.Command):
    """List the goroutines of a gdetect program.
Usage: info goroutines [-a] [-g] [REGEX]
-a lists the runtime's own as well; -g counts those in the same state and place.
With REGEX, only lines in which it is found. WHERE is the innermost place that is not in
the runtime; * is the goroutine of the selected thread, or the one chosen by `goroutine N'."""

    HEADER = ("Id", "State", "Age", "Thread", "Where", "Name")

    def __init__(self, name):
        super().__init__(name, gdb.COMMAND_STATUS)

    def invoke(self, arg, from_tty):
        self.dont_repeat()
        words = arg.split()
        flags = [w for w in words if w in ("-a", "-g")]
        words = [w for w in words if w not in flags]
        if words and words[0].startswith("-"):
            raise gdb.GdbError("Usage: info goroutines [-a] [-g] [REGEX]")
        try:
            wanted = re.compile(" ".join(words))
        except re.error as e:
            raise gdb.GdbError("bad regular expression: %s" % e)
        need_process()
        rt = Runtime()
        all_of_them = [g for g in rt.goroutines() if "-a" in flags or not g.system]
        selected = selection.g.id if selection.g else 0
        tid = 0 if selected else gdb.selected_thread().ptid[1]
        with Kept():
            selection.drop()
            code = Code()
            rows = [self.row(g, code, g.id == selected or (tid != 0 and g.tid == tid))
                    for g in all_of_them]
        shown = [r for r in rows if wanted.search(" ".join(r[1:]))]
        (self.grouped if "-g" in flags else self.single)(shown)
        if len(shown) < len(rows):
            print("%d of %d goroutines" % (len(shown), len(rows)))
        if rt.lost:
            print("%d goroutine records cannot be read: this core does not hold their memory" %
                  rt.lost)

    @staticmethod
    def row(g, code, current):
        thread = str(g.thread.num) if g.thread is not None else ""
        if g.tid and g.thread is None:
            thread = "LWP %d" % g.tid
        return ("*" if current else " ", str(g.id), g.what, g.age, thread, g.where(code), g.name)

    def single(self, rows):
        lines = [(" ",) + self.HEADER] + rows
        widths = [max(len(line[i]) for line in lines) for i in range(6)]
        for line in lines:
            print(" ".join(c.ljust(w) for c, w in zip(line, widths)) + " " + line[6])

    @staticmethod
    def grouped(rows):
        groups = {}
        for r in rows:
            groups.setdefault((r[2], r[5]), []).append(r[1])
        for (state, where), ids in sorted(groups.items(), key=lambda kv: -len(kv[1])):
            some = ", ".join(ids[:8]) + (", ..." if len(ids) > 8 else "")
            print("%6d [%s] %s: %s" % (len(ids), state, where, some))


class GoroutineCommand(gdb.Command):
    """Look at a goroutine of a gdetect program, or run a command for some.
Usage: goroutine                 which one is selected
       goroutine N               bt, up, info locals, ... are N's until the program goes on
       goroutine N COMMAND       COMMAND in N's context; so with N-M, N,M,... and all
       goroutine off             back to the thread's own frames
Nothing of the process is changed, and cores work as well. The frames of a goroutine that does
not run begin at 1, and the innermost one that is not in the runtime is selected. Frame 0 is the
thread's own: do not step or finish while a goroutine is selected."""

    def __init__(self):
        super().__init__("goroutine", gdb.COMMAND_STACK)

    def invoke(self, arg, from_tty):
        self.dont_repeat()
        which, _, command = arg.strip().partition(" ")
        if which == "off":
            selection.drop()
        elif which == "":
            print("[%s]" % selection.g.title() if selection.g else "no goroutine is selected")
        elif command.strip():
            self.each(which, command.strip(), from_tty)
        else:
            self.select(which)

    @staticmethod
    def find(which):
        need_process()
        known = Runtime().goroutines()
        if which == "all":
            return [g for g in known if not g.system]
        if not re.match(r"\d+(-\d+)?(,\d+(-\d+)?)*$", which):
            raise gdb.GdbError("not a goroutine's number: %s" % which)
        found = []
        for part in which.split(","):
            lo, _, hi = part.partition("-")
            some = [g for g in known if int(lo) <= g.id <= int(hi or lo)]
            if not some:
                raise gdb.GdbError("no goroutine %s" % part)
            found += some
        return found

    def select(self, which):
        found = self.find(which)
        if len(found) != 1:
            raise gdb.GdbError("one goroutine can be selected, or give a command for each")
        selection.show(found[0])
        print("[%s]" % found[0].title())
        gdb.execute("frame")

    def each(self, which, command, from_tty):
        found = self.find(which)
        with Kept():
            for g in found:
                if len(found) > 1:
                    print("\n" + g.title())
                try:
                    selection.show(g)
                    gdb.execute(command, from_tty)
                except ERRORS as e:
                    if len(found) == 1:
                        raise
                    print("    " + str(e))


InfoGoroutines("goroutines")
InfoGoroutines("info goroutines")
GoroutineCommand()
