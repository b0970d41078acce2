/* recorder.c - runs a program, and records in order each system call that changes what is stored, or
 * sends: with names, bytes and results.
 *
 *     recorder FD PROGRAM [ARG...]
 *
 * FD is 0 or 1, and is where the record goes, a file; the program gets /dev/null for 0, and for 1
 * what is its standard error.  The file's first page is the grader's, for rules; frames follow:
 *
 *     u32 size of what follows | u8 kind | i32 thread | pieces: u8 tag, u32 size, bytes
 *
 * with the kinds E (a call begins: c its name, a six arguments, f a descriptor, p a name, t device
 * and number of a file, d data, z so many zeros, m and s of recorder_contents.c), X (it ends: r the
 * result, f the descriptor that was made, m), N (a note of the program's own: d) and F (the recorder
 * can't work here: d, why).
 *
 * A seccomp(2) filter stops the program at those calls alone; all others cost nothing.  The tracer is
 * a grandchild, so the program keeps its parent, its number and its status, and has no child that it
 * did not make.  If the tracer dies, so does the program.
 *
 * The keeper starts the recorder without its own filter of calls, and the program gets that here: the
 * tracer hides from the program, which is of the same user, and the filter forbids to hide. */
#include "recorder.h"
#include "keeper_filter.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

enum { MOST_THREADS = 256, MOST_INSTRUCTIONS = 256 };

#ifdef __x86_64__
enum { ARCHITECTURE = (int)AUDIT_ARCH_X86_64 };
#elif defined __aarch64__
enum { ARCHITECTURE = (int)AUDIT_ARCH_AARCH64 };
#else
#error "the recorder knows x86-64 and aarch64"
#endif

pid_t noter;
static int record = -1;
static struct thread threads[MOST_THREADS];

/* --- the record --- */

static struct {
    uint8_t *data;
    size_t len, capacity;
} frame;

static void put(const void *data, size_t len)
{
    if (frame.capacity - frame.len < len) {
        frame.capacity = 2 * frame.capacity + len;
        frame.data = realloc(frame.data, frame.capacity);
        if (frame.data == NULL)
            _exit(EXIT_FAILURE);
    }
    memcpy(frame.data + frame.len, data, len);
    frame.len += len;
}

static void begin_frame(char kind, pid_t thread)
{
    uint32_t size = 0;
    int32_t id = thread;

    frame.len = 0;
    put(&size, sizeof size);
    put(&kind, 1);
    put(&id, sizeof id);
}

void tell(char tag, const void *data, size_t len)
{
    uint32_t size = (uint32_t)len;

    put(&tag, 1);
    put(&size, sizeof size);
    put(data, len);
}

static void end_frame(void)
{
    uint32_t size = (uint32_t)(frame.len - sizeof size);

    memcpy(frame.data, &size, sizeof size);
    for (size_t done = 0; done < frame.len;) {
        ssize_t n = write(record, frame.data + done, frame.len - done);
        if (n < 0 && errno != EINTR)
            _exit(EXIT_FAILURE);
        done += n < 0 ? 0 : (size_t)n;
    }
}

_Noreturn void die(const char *what)
{
    char text[200];
    int len = snprintf(text, sizeof text, "%s: %s", what, strerror(errno));

    begin_frame('F', 0);
    tell('d', text, (size_t)len);
    end_frame();
    _exit(EXIT_FAILURE);
}

bool copy_from(pid_t thread, uint64_t address, void *out, size_t len)
{
    struct iovec ours = {out, len}, theirs = {NULL, len};

    memcpy(&theirs.iov_base, &address, sizeof theirs.iov_base);
    return len == 0 || process_vm_readv(thread, &ours, 1, &theirs, 1, 0) == (ssize_t)len;
}

/* --- the calls of a thread --- */

static struct thread *thread_of(pid_t id)
{
    struct thread *unused = NULL;

    for (int i = 0; i < MOST_THREADS; i++) {
        if (threads[i].used && threads[i].id == id)
            return &threads[i];
        if (!threads[i].used && unused == NULL)
            unused = &threads[i];
    }
    if (unused == NULL)
        _exit(EXIT_FAILURE); /* so the program ends, too: no lab needs that many threads */
    *unused = (struct thread){.id = id, .used = true};
    return unused;
}

static void forget(pid_t id)
{
    for (int i = 0; i < MOST_THREADS; i++)
        if (threads[i].id == id)
            threads[i].used = false;
}

static const struct call *call_of(long number)
{
    for (size_t i = 0; i < call_count; i++)
        if (calls[i].number == number)
            return &calls[i];
    return NULL;
}

static void take_note(const struct thread *t)
{
    char text[1024] = "";
    size_t len = t->args[2] < sizeof text - 1 ? t->args[2] : sizeof text - 1;

    if (!copy_from(t->id, t->args[1], text, len))
        return;
    noter = t->id;
    begin_frame('N', t->id);
    tell('d', text, len);
    end_frame();
}

/* Returns whether the end of the call is to be seen, too. */
static bool begin_call(pid_t id)
{
    struct ptrace_syscall_info info;
    struct thread *t = thread_of(id);

    if (ptrace(PTRACE_GET_SYSCALL_INFO, id, sizeof info, &info) < 0)
        return false; /* it was killed */
    *t = (struct thread){.id = id, .used = true, .call = call_of((long)info.seccomp.nr)};
    if (t->call == NULL)
        return false;
    memcpy(t->args, info.seccomp.args, sizeof t->args);
    if (t->call->what == WHAT_NOTE) {
        take_note(t);
        t->call = NULL;
        return false;
    }
    if (t->call->what != WHAT_READ) {
        begin_frame('E', id);
        tell_call(t);
        end_frame();
    }
    apply_rule(t);
    if (t->call->what == WHAT_READ && !t->is_changed)
        t->call = NULL;
    return t->call != NULL;
}

static void end_call(pid_t id)
{
    struct ptrace_syscall_info info;
    struct thread *t = thread_of(id);

    if (t->call == NULL || ptrace(PTRACE_GET_SYSCALL_INFO, id, sizeof info, &info) < 0)
        return;
    int64_t result = undo_rule(t, info.exit.rval);
    if (t->call->what != WHAT_READ) {
        begin_frame('X', id);
        tell_result(t, result);
        end_frame();
    }
    t->call = NULL;
}

/* --- the tracer --- */

static void go_on(pid_t id, bool to_the_end_of_the_call, int signal)
{
    ptrace(to_the_end_of_the_call ? PTRACE_SYSCALL : PTRACE_CONT, id, NULL, (long)signal);
}

static void on_stop(pid_t id, int status)
{
    int signal = WSTOPSIG(status), event = status >> 16;

    if (event == PTRACE_EVENT_SECCOMP) {
        go_on(id, begin_call(id), 0);
    } else if (signal == (SIGTRAP | 0x80)) {
        end_call(id);
        go_on(id, false, 0);
    } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
        ptrace(PTRACE_LISTEN, id, NULL, NULL); /* stays stopped, as it would untraced */
    } else {
        go_on(id, thread_of(id)->call != NULL, event == 0 ? signal : 0);
    }
}

static _Noreturn void trace(void)
{
    int status;

    for (;;) {
        pid_t id = waitpid(-1, &status, __WALL);
        if (id < 0 && errno == EINTR)
            continue;
        if (id < 0)
            _exit(EXIT_SUCCESS); /* nobody is left */
        if (WIFSTOPPED(status))
            on_stop(id, status);
        else
            forget(id);
    }
}

static _Noreturn void become_tracer(pid_t program, int ready)
{
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;

    if (prctl(PR_SET_DUMPABLE, 0) < 0) /* of one user with the program, yet not to be looked into */
        die("prctl");
    if (ptrace(PTRACE_SEIZE, program, NULL, options) < 0)
        die("no program may trace another one here (ptrace)");
    if (write(ready, "", 1) != 1)
        die("write");
    for (int fd = 0; fd <= 2; fd++)
        close(fd);
    close(ready);
    find_rules(record);
    trace();
}

/* --- the filter --- */

static struct sock_filter *put_test(struct sock_filter *to, uint32_t value, uint8_t otherwise)
{
    *to = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, otherwise);
    return to + 1;
}

static struct sock_filter *put_load(struct sock_filter *to, size_t offset)
{
    *to = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
    return to + 1;
}

static struct sock_filter *put_return(struct sock_filter *to, uint32_t value)
{
    *to = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value);
    return to + 1;
}

/* Whether the low half of an argument, masked, is that value; the low half comes first, in memory,
 * on both architectures. */
static struct sock_filter *put_argument(struct sock_filter *to, int index, uint32_t mask,
                                        uint32_t value)
{
    to = put_load(to, offsetof(struct seccomp_data, args) + 8 * (size_t)index);
    *to++ = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask);
    to = put_test(to, value, 1);
    return to;
}

/* Notes alone of prctl; of mmap what is shared with a file, which can be written without a call. */
static struct sock_filter *put_call(struct sock_filter *to, const struct call *call)
{
    struct sock_filter *test = put_test(to, (uint32_t)call->number, 0), *end = test;

    if (call->number == SYS_prctl)
        end = put_argument(end, 0, UINT32_MAX, NOTE);
    if (call->number == SYS_mmap)
        end = put_argument(end, 3, MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED);
    end = put_return(end, SECCOMP_RET_TRACE);
    if (call->number == SYS_prctl || call->number == SYS_mmap)
        end = put_return(end, SECCOMP_RET_ALLOW);
    test[-1].jf = (uint8_t)(end - test);
    return end;
}

static int install_filter(void)
{
    static struct sock_filter code[MOST_INSTRUCTIONS];
    struct sock_filter *end = code;

    end = put_load(end, offsetof(struct seccomp_data, arch));
    *end++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)ARCHITECTURE, 1, 0);
    end = put_return(end, SECCOMP_RET_ALLOW);
    end = put_load(end, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < call_count; i++)
        end = put_call(end, &calls[i]);
    end = put_return(end, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = (unsigned short)(end - code), .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* --- the start --- */

/* Starts the tracer, as a grandchild that nobody has to wait for; returns when it is there. */
static void start_tracer(void)
{
    int ready[2];
    pid_t program = getpid();
    char byte;

    if (pipe2(ready, O_CLOEXEC) < 0)
        die("pipe2");
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* where only ancestors may trace: Yama */
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child == 0 && fork() != 0)
        _exit(0);
    if (child == 0) {
        setsid();
        close(ready[0]);
        become_tracer(program, ready[1]);
    }
    close(ready[1]);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (read(ready[0], &byte, 1) != 1)
        _exit(EXIT_FAILURE); /* the tracer has said why */
    prctl(PR_SET_PTRACER, 0);
    close(ready[0]);
}

int main(int argc, char **argv)
{
    int fd = argc > 2 ? argv[1][0] - '0' : -1;

    if (fd != 0 && fd != 1) {
        fprintf(stderr, "usage: recorder 0|1 PROGRAM [ARG...]\n");
        return 2;
    }
    record = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    int instead = fd == 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : STDERR_FILENO;
    if (record < 0 || instead < 0 || dup2(instead, fd) < 0)
        return EXIT_FAILURE;
    start_tracer();
    if (install_filter() < 0 || !filter_calls())
        die("system calls may not be filtered here (seccomp)");
    execv(argv[2], argv + 2);
    die(argv[2]);
}
