/* keeper_filter.c - system calls that no lab needs, refused.  They are of four kinds:
 *
 * - they take memory that counts for no process, or that outlives it: secret files, System V
 *   segments, queues, keys;
 * - they lead out of the namespaces: other namespaces, mounts, sockets of families that a network
 *   namespace does not hold (vsock reaches the machine that runs this one);
 * - they change another process's limits, or hide this one from the grader;
 * - most holes of the kernel began with them.
 *
 * io_uring(7), and the older io_setup(2), are among them also because what they do passes no filter.
 * memfd_create(2) is not: the simulator's servers print into such a file, and a ring buffer may be
 * mapped twice from one. */
#include "keeper_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
enum { ARCHITECTURE = (int)AUDIT_ARCH_X86_64 };
#elif defined __aarch64__
enum { ARCHITECTURE = (int)AUDIT_ARCH_AARCH64 };
#else
#error "the filter knows x86-64 and aarch64"
#endif

enum {
    X32 = 0x40000000, /* bit of the numbers of x86-64's other calls */
    MOST_INSTRUCTIONS = 200,
    SPACES = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |
             CLONE_NEWUSER | CLONE_NEWUTS,
};

/* By number where older headers lack the name. */
enum { MEMFD_SECRET = 447, MOUNT_SETATTR = 442, OPEN_TREE_ATTR = 467 };

static const int refused[] = {
    MEMFD_SECRET,
    SYS_shmget,
    SYS_msgget,
    SYS_semget,
    SYS_mq_open,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_unshare,
    SYS_setns,
    SYS_chroot,
    SYS_pivot_root,
    SYS_mount,
    SYS_umount2,
    SYS_move_mount,
    SYS_open_tree,
    OPEN_TREE_ATTR,
    SYS_fsopen,
    SYS_fspick,
    MOUNT_SETATTR,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_fanotify_init,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_io_setup,
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_open_by_handle_at,
    SYS_quotactl,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_reboot,
    SYS_syslog,
};

static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

static struct {
    struct sock_filter code[MOST_INSTRUCTIONS];
    unsigned short len;
} program;

static void put(uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false)
{
    program.code[program.len++] = (struct sock_filter){code, if_true, if_false, value};
}

static void put_load(size_t offset)
{
    put(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void put_return(uint32_t value)
{
    put(BPF_RET | BPF_K, value, 0, 0);
}

/* The next instructions, so many, are for this value alone. */
static void put_only_for(uint32_t value, size_t count)
{
    put(BPF_JMP | BPF_JEQ | BPF_K, value, 0, (uint8_t)count);
}

static void put_refusal(int error)
{
    put_return(SECCOMP_RET_ERRNO | (uint32_t)error);
}

/* The low half of an argument comes first on both architectures. */
static void put_first_argument(void)
{
    put_load(offsetof(struct seccomp_data, args));
}

static void put_socket_call(long number)
{
    enum { FAMILIES = sizeof families / sizeof *families };

    put_only_for((uint32_t)number, 2 * FAMILIES + 2);
    put_first_argument();
    for (size_t i = 0; i < FAMILIES; i++) {
        put_only_for((uint32_t)families[i], 1);
        put_return(SECCOMP_RET_ALLOW);
    }
    put_refusal(EAFNOSUPPORT);
}

static void put_other_architectures(void)
{
    put_load(offsetof(struct seccomp_data, arch));
    put(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)ARCHITECTURE, 1, 0);
    put_refusal(ENOSYS);
    put_load(offsetof(struct seccomp_data, nr));
    put(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
    put_refusal(ENOSYS);
}

/* glibc makes threads with clone where there is no clone3, whose flags no filter can see. */
static void put_calls_with_arguments(void)
{
    put_only_for(SYS_clone3, 1);
    put_refusal(ENOSYS);
    put_only_for(SYS_clone, 4);
    put_first_argument();
    put(BPF_JMP | BPF_JSET | BPF_K, SPACES, 0, 1);
    put_refusal(EPERM);
    put_return(SECCOMP_RET_ALLOW);
    put_only_for(SYS_prctl, 4);
    put_first_argument();
    put_only_for(PR_SET_DUMPABLE, 1); /* would hide it from a grader that is not root */
    put_refusal(EPERM);
    put_return(SECCOMP_RET_ALLOW);
    put_only_for(SYS_prlimit64, 4);
    put_first_argument();
    put_only_for(0, 1); /* itself */
    put_return(SECCOMP_RET_ALLOW);
    put_refusal(EPERM);
    put_socket_call(SYS_socket);
    put_socket_call(SYS_socketpair);
}

bool filter_calls(void)
{
    put_other_architectures();
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        put_only_for((uint32_t)refused[i], 1);
        put_refusal(EPERM);
    }
    put_calls_with_arguments();
    put_return(SECCOMP_RET_ALLOW);
    struct sock_fprog all = {.len = program.len, .filter = program.code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &all) == 0;
}
