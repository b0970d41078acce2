/* recorder.h - what the parts of the recorder share: recorder.c (starting, the filter, the loop),
 * recorder_calls.c (which calls, and what is told of each), recorder_contents.c (files that change
 * without a call that says how) and recorder_rules.c (calls that are to fail). */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* prctl(2) with this option is a note of the program's: pointer and length of a text follow. */
enum { NOTE = 0x4C364E54 };

/* What a call does, in order of what a rule may be about. */
enum what {
    WHAT_NOTE,
    WHAT_READ,  /* of a file */
    WHAT_WRITE, /* bytes */
    WHAT_FLUSH,
    WHAT_OPEN,
    WHAT_NAMES, /* makes, moves or removes a name */
    WHAT_SIZE,  /* makes a file longer or shorter */
    WHAT_SEND,  /* to a socket alone */
    WHAT_MAP,   /* a file, into memory that is shared with it */
    WHAT_COPY,  /* bytes that pass no memory of the program's */
    WHAT_OTHER, /* what can't be followed */
};

/* A system call: which of its arguments are what, from 0; -1 for none. */
struct call {
    const char *name;
    long number;
    enum what what;
    int8_t fd, path, folder, other_path, other_folder; /* folder: what a path is relative to */
    int8_t data, vector, message; /* a pointer, and the length or count behind it */
};

extern const struct call calls[];
extern const size_t call_count;

/* A thread that is in a call. */
struct thread {
    pid_t id;
    const struct call *call;
    uint64_t args[6];
    bool is_changed, is_refused; /* by a rule: an argument, or the result */
    int64_t result;              /* where it is refused */
    bool used;
};

/* --- recorder.c --- */
/* Who told the last note: it does the job, also where a child of its own makes the call. */
extern pid_t noter;
_Noreturn void die(const char *what);
/* One piece of what is told: a letter, and bytes. */
void tell(char tag, const void *data, size_t len);
bool copy_from(pid_t thread, uint64_t address, void *out, size_t len);

/* --- recorder_calls.c --- */
void tell_call(const struct thread *thread);
void tell_result(const struct thread *thread, int64_t result);
/* Whether the call is about a file or a folder, or about names. */
bool is_on_disk(const struct thread *thread);
size_t data_size(const struct thread *thread);
/* The file behind a descriptor of the program's.  False if there is none. */
bool stat_fd(const struct thread *thread, int fd, struct stat *out);
/* The line of /proc/PID/fdinfo/FD that begins so, as a number. */
unsigned long long fd_info(const struct thread *thread, int fd, const char *key, int base);

/* --- recorder_contents.c --- */
/* At the start of a call that maps a file. */
void remember_mapped(const struct thread *thread);
/* Whether an msync is about a file. */
bool is_mapped(const struct thread *thread);
/* At the start of a flush: what is in the mapped files that it is about. */
void tell_mapped(const struct thread *thread);
/* Whether only the file itself shows what the call has done; and what is in it. */
bool moves_content(const struct thread *thread);
void tell_content(const struct thread *thread, int fd);

/* --- recorder_rules.c --- */
/* The grader writes rules into the first page of the record, which the program does not see. */
void find_rules(int record);
/* At the start of a call: refuses it or makes it shorter, as the rule has it. */
void apply_rule(struct thread *thread);
/* At the end of a call that was changed.  Returns its result. */
int64_t undo_rule(struct thread *thread, int64_t result);

#endif
