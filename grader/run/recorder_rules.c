/* recorder_rules.c - calls that are to fail, or to do less than they are asked.
 *
 *     !fail LETTERS NTH ERRNO    from the NTH such call on, all such calls fail
 *     !once LETTERS NTH ERRNO    the NTH alone
 *     !short BYTES               reads and writes of files move no more than so many bytes a call
 *                                (and a hundredth of what is asked for: some write a lot of zeros)
 *     !room BYTES                so many bytes may be written, and then the disk is full
 *     !kill NTH                  SIGKILL at the start of the NTH call that changes what is stored
 *     !none                      all is as it was
 *
 * LETTERS says which calls: w writes, f flushes, o opens to write, n names, s sizes.  Only calls on
 * files and folders count.  Flushes of those are never made, whatever the rule: they take long, and
 * the power is lost in the grader's mind alone. */
#include "recorder.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

enum { BLOCK = 4096 };

static struct {
    char letters[8];
    int nth, error;
    bool once, is_kill, is_short, has_room;
    unsigned long long bytes;
} rule;

/* What the grader has written, and how often it has. */
static const struct {
    _Atomic uint32_t count;
    char text[64];
} * page;
static uint32_t taken;

void find_rules(int record)
{
    page = mmap(NULL, sizeof *page, PROT_READ, MAP_SHARED, record, 0);
    if (page == MAP_FAILED)
        die("mmap of the record");
}

static void take_rule(const char *text)
{
    memset(&rule, 0, sizeof rule);
    rule.once = sscanf(text, "!once %7s %d %d", rule.letters, &rule.nth, &rule.error) == 3;
    if (rule.once || sscanf(text, "!fail %7s %d %d", rule.letters, &rule.nth, &rule.error) == 3)
        return;
    rule.is_short = sscanf(text, "!short %llu", &rule.bytes) == 1;
    rule.has_room = sscanf(text, "!room %llu", &rule.bytes) == 1;
    rule.is_kill = sscanf(text, "!kill %d", &rule.nth) == 1;
    if (rule.is_kill)
        strcpy(rule.letters, "wfons");
}

/* --- registers --- */

#ifdef __x86_64__
#define RESULT(regs) (regs).rax
static unsigned long long *argument(struct user_regs_struct *regs, int index)
{
    unsigned long long *all[] = {&regs->rdi, &regs->rsi, &regs->rdx};
    return all[index];
}
#else
#define RESULT(regs) (regs).regs[0]
static unsigned long long *argument(struct user_regs_struct *regs, int index)
{
    return &regs->regs[index];
}
#endif

static void get_registers(pid_t thread, struct user_regs_struct *regs)
{
    struct iovec all = {regs, sizeof *regs};

    if (ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &all) < 0)
        memset(regs, 0, sizeof *regs);
}

static void set_registers(pid_t thread, struct user_regs_struct *regs)
{
    struct iovec all = {regs, sizeof *regs};

    ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &all);
}

/* There is no system call -1, so nothing happens. */
static void skip_call(pid_t thread)
{
#ifdef __x86_64__
    struct user_regs_struct regs;

    get_registers(thread, &regs);
    regs.orig_rax = (unsigned long long)-1;
    set_registers(thread, &regs);
#else
    int none = -1;
    struct iovec all = {&none, sizeof none};

    ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &all);
#endif
}

/* --- calls --- */

/* The call is not made, and returns that. */
static void answer(struct thread *t, int64_t result)
{
    skip_call(t->id);
    t->is_refused = true;
    t->result = result;
}

/* How many pieces of a vector there are up to the first that is not empty: with less than that, the
 * call would return 0, as no write does that has something to write. */
static uint64_t pieces_needed(const struct thread *t)
{
    enum { MOST_PIECES = 1024 }; /* IOV_MAX of Linux */
    struct iovec piece;
    uint64_t count = 0;

    while (count < t->args[2] && count < MOST_PIECES) {
        uint64_t address = t->args[t->call->vector] + count++ * sizeof piece;
        if (!copy_from(t->id, address, &piece, sizeof piece) || piece.iov_len > 0)
            break;
    }
    return count;
}

static bool is_direct(const struct thread *t)
{
    return t->call->fd >= 0 && (fd_info(t, (int)t->args[t->call->fd], "flags:", 8) & O_DIRECT) != 0;
}

/* The third argument is the size of read, write and their like; a vector is left with its first
 * piece that is not empty. */
static void shorten(struct thread *t, uint64_t size)
{
    struct user_regs_struct regs;

    if (t->call->vector >= 0)
        size = pieces_needed(t);
    else if (size % BLOCK != 0 && is_direct(t)) /* less than a block is an error there */
        size += BLOCK - size % BLOCK;
    if (t->args[2] <= size)
        return;
    get_registers(t->id, &regs);
    *argument(&regs, 2) = size;
    set_registers(t->id, &regs);
    t->is_changed = true;
}

/* Whether an open may change anything; of openat2 that is not looked at. */
static bool opens_to_write(const struct thread *t)
{
    uint64_t flags = t->args[t->call->folder < 0 ? 1 : 2];

    return strcmp(t->call->name, "creat") == 0 || strcmp(t->call->name, "openat2") == 0 ||
           (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0;
}

static char letter(const struct thread *t)
{
    switch (t->call->what) {
    case WHAT_WRITE: return 'w';
    case WHAT_FLUSH: return 'f';
    case WHAT_OPEN: return opens_to_write(t) ? 'o' : '\0';
    case WHAT_NAMES: return 'n';
    case WHAT_SIZE: return 's';
    default: return '\0';
    }
}

static void apply_size(struct thread *t)
{
    bool writes = t->call->what == WHAT_WRITE;
    bool reads = t->call->what == WHAT_READ && strchr(t->call->name, 'v') == NULL;

    if (rule.is_short && (writes || reads))
        shorten(t, rule.bytes + t->args[2] / 100);
    if (!rule.has_room || !writes)
        return;
    if (rule.bytes == 0) {
        answer(t, -ENOSPC);
        return;
    }
    size_t size = data_size(t);
    if (size > rule.bytes && t->call->vector >= 0) {
        answer(t, -ENOSPC);
        return;
    }
    shorten(t, rule.bytes);
    rule.bytes -= size < rule.bytes ? size : rule.bytes;
}

void apply_rule(struct thread *t)
{
    char one = letter(t);

    if (taken != page->count) {
        taken = page->count;
        take_rule(page->text);
    }
    if (!is_on_disk(t))
        return;
    if (one == 'f')
        answer(t, 0);
    apply_size(t);
    if (one == '\0' || strchr(rule.letters, one) == NULL || rule.nth == 0)
        return;
    if (rule.nth > 1) {
        rule.nth--;
        return;
    }
    if (rule.is_kill && noter > 0)
        kill(noter, SIGKILL);
    if (rule.is_kill)
        kill(t->id, SIGKILL);
    else
        answer(t, -rule.error);
    if (rule.once || rule.is_kill)
        rule.nth = 0;
}

int64_t undo_rule(struct thread *t, int64_t result)
{
    struct user_regs_struct regs;

    if (!t->is_changed && !t->is_refused)
        return result;
    get_registers(t->id, &regs);
    if (t->is_changed && t->args[2] > 0)
        *argument(&regs, 2) = t->args[2];
    if (t->is_refused)
        RESULT(regs) = (unsigned long long)t->result;
    set_registers(t->id, &regs);
    return t->is_refused ? t->result : result;
}
