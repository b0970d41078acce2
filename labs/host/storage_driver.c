/* storage_driver.c - the grader's hand on the functions of storage.h; how jobs come: jobs.h.
 *
 *     'o'  u8 slot | i32 id | u8 does_flush | folder    opens: as 'q', then u64 ns of CPU
 *     'q'  u8 slot                     i32 term | i32 voted_for | i32 count
 *     'r'  u8 slot | i32 index         reads: i32 term | u32 size | data
 *     'a'  u8 slot                     reads all, in order: for each as 'r'
 *     'v'  u8 slot | i32 term | i32 voted_for           saves a vote
 *     'e'  u8 slot | i32 index | i32 term | data        saves an entry
 *     's'  u8 slot                     syncs
 *     'c'  u8 slot                     closes
 *     'l'  u8 0 | i32 id | folder      opens without flushes: as 'q' and 'a'; saves a vote and an
 *                                      entry, syncs, closes, and does it again: 1 as 'q' and 'a',
 *                                      or 0 and an error
 *     'b'  u8 slot | u32 count | u32 size    saves so many equal entries of term 1: u64 ns of CPU
 *     'm'  u8 slot                     reads all, in order: u64 ns of CPU | u64 bytes of data
 *     'f'  u8 0                        from here on a child of its own does the jobs, until 'x', u8 0,
 *                                      or until it is killed: then the job's error is "killed"
 *
 * An answer begins with a byte: 1, or 0 for an error, of which the text follows.  The recorder, if
 * there is one, is told where each job begins and ends (grader/run/recorder.h). */
#include "jobs.h"
#include "storage.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 8, NOTE = 0x4C364E54, LONGEST_PATH = 4096, LOOK_TERM = 1000, NS_PER_S = 1000000000 };

static struct storage *slots[SLOTS];
static struct storage_error error;

/* Without a recorder there is no such option, and nothing happens. */
static void note(const char *text)
{
    prctl(NOTE, text, strlen(text), 0, 0);
}

static void answer_done(void)
{
    jobs_answer_integer(1, 1);
}

static void put_error(void)
{
    jobs_answer_integer(0, 1);
    jobs_put(&jobs_answer, error.text, strnlen(error.text, sizeof error.text));
}

/* Begins the answer anew. */
static void answer_error(void)
{
    jobs_answer.len = 0;
    jobs_answer_integer(0, 4);
    put_error();
}

static void answer_result(int result)
{
    if (result < 0)
        answer_error();
    else
        answer_done();
}

static void answer_state(const struct storage *storage)
{
    int32_t term = -1, voted_for = -1;

    storage_vote(storage, &term, &voted_for);
    jobs_answer_integer((uint32_t)term, 4);
    jobs_answer_integer((uint32_t)voted_for, 4);
    jobs_answer_integer((uint32_t)storage_count(storage), 4);
}

static int answer_entry(struct storage *storage, int32_t index)
{
    struct log_entry entry = {-1, 0, NULL};

    if (storage_read(storage, index, &entry, &error) < 0)
        return -1;
    jobs_answer_integer((uint32_t)entry.term, 4);
    jobs_answer_integer(entry.size, 4);
    jobs_put(&jobs_answer, entry.data, entry.size);
    return 0;
}

static int answer_entries(struct storage *storage)
{
    int32_t count = storage_count(storage);

    for (int32_t index = 1; index <= count; index++)
        if (answer_entry(storage, index) < 0)
            return -1;
    return 0;
}

/* --- opening --- */

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static int32_t take_i32(struct job *job)
{
    return (int32_t)jobs_take_integer(job, 4);
}

static void take_folder(struct job *job, char *folder)
{
    size_t len = job->left;

    if (len >= LONGEST_PATH)
        jobs_refuse("the name of a folder is too long");
    memcpy(folder, jobs_take_bytes(job, len), len);
    folder[len] = '\0';
}

static void open_slot(struct job *job, size_t slot)
{
    char folder[LONGEST_PATH];
    int32_t id = take_i32(job);
    bool does_flush = jobs_take_integer(job, 1) != 0;

    take_folder(job, folder);
    uint64_t start = cpu_ns();
    slots[slot] = storage_open(folder, id, does_flush, &error);
    start = cpu_ns() - start;
    if (slots[slot] == NULL) {
        answer_error();
        return;
    }
    answer_done();
    answer_state(slots[slot]);
    jobs_answer_integer(start, 8);
}

/* Opens, and answers all that is there; NULL with an error. */
static struct storage *answer_folder(const char *folder, int32_t id)
{
    size_t start = jobs_answer.len;
    struct storage *storage = storage_open(folder, id, false, &error);

    answer_done();
    if (storage != NULL) {
        answer_state(storage);
        if (answer_entries(storage) == 0)
            return storage;
        storage_close(storage);
    }
    jobs_answer.len = start;
    put_error();
    return NULL;
}

static int save_more(struct storage *storage, int32_t id)
{
    static const uint8_t data[] = {'m', 'o', 'r', 'e'};
    struct log_entry entry = {LOOK_TERM, sizeof data, data};

    if (storage_save_vote(storage, LOOK_TERM, id, &error) < 0 ||
        storage_save_entry(storage, storage_count(storage) + 1, &entry, &error) < 0)
        return -1;
    return storage_sync(storage, &error);
}

static void look(struct job *job)
{
    char folder[LONGEST_PATH];
    int32_t id = take_i32(job);

    take_folder(job, folder);
    struct storage *storage = answer_folder(folder, id);
    if (storage == NULL)
        return;
    int result = save_more(storage, id);
    storage_close(storage);
    if (result < 0)
        put_error();
    else if ((storage = answer_folder(folder, id)) != NULL)
        storage_close(storage);
}

static void close_slot(size_t slot)
{
    storage_close(slots[slot]);
    slots[slot] = NULL;
    answer_done();
}

/* --- what is there --- */

static void read_entry(struct storage *storage, int32_t index)
{
    answer_done();
    if (answer_entry(storage, index) < 0)
        answer_error();
}

static void read_all(struct storage *storage)
{
    answer_done();
    if (answer_entries(storage) < 0)
        answer_error();
}

/* --- saving --- */

static void save_vote(struct job *job, struct storage *storage)
{
    int32_t term = take_i32(job), voted_for = take_i32(job);

    answer_result(storage_save_vote(storage, term, voted_for, &error));
}

/* The data is lent for the call: it ends with a block of the heap that is spoilt later. */
static void save_entry(struct job *job, struct storage *storage)
{
    int32_t index = take_i32(job), term = take_i32(job);
    struct log_entry entry = {term, (uint32_t)job->left, jobs_lend(job->next, job->left, 0)};

    answer_result(storage_save_entry(storage, index, &entry, &error));
}

/* --- much of it --- */

static void save_many(struct job *job, struct storage *storage)
{
    uint64_t count = jobs_take_integer(job, 4), start;
    size_t size = jobs_take_integer(job, 4);
    struct log_entry entry = {1, (uint32_t)size, NULL};
    int32_t index = storage_count(storage);
    int result = 0;

    uint8_t *data = calloc(size + 1, 1);
    if (data == NULL)
        jobs_die("calloc");
    entry.data = data;
    start = cpu_ns();
    for (; count > 0 && result == 0; count--)
        result = storage_save_entry(storage, ++index, &entry, &error);
    start = cpu_ns() - start;
    free(data);
    answer_result(result);
    if (result == 0)
        jobs_answer_integer(start, 8);
}

static void measure_reading(struct storage *storage)
{
    int32_t count = storage_count(storage);
    uint64_t start = cpu_ns(), bytes = 0;
    struct log_entry entry;
    int result = 0;

    for (int32_t index = 1; index <= count && result == 0; index++) {
        entry = (struct log_entry){0};
        result = storage_read(storage, index, &entry, &error);
        bytes += entry.size;
    }
    answer_result(result);
    if (result < 0)
        return;
    jobs_answer_integer(cpu_ns() - start, 8);
    jobs_answer_integer(bytes, 8);
}

/* --- another process --- */

static void live_apart(void)
{
    int status;
    pid_t child = fork();

    if (child < 0)
        jobs_die("fork");
    answer_done();
    if (child == 0)
        return;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            jobs_die("waitpid");
    if (WIFEXITED(status) && WEXITSTATUS(status) != EXIT_SUCCESS)
        _exit(WEXITSTATUS(status));
    if (WIFEXITED(status))
        return;
    if (WTERMSIG(status) != SIGKILL)
        raise(WTERMSIG(status));
    error = (struct storage_error){"killed"};
    answer_error();
}

/* --- jobs --- */

static void obey_slot(uint8_t op, struct job *job, struct storage *storage)
{
    if (storage == NULL)
        jobs_refuse("there is no open folder in this slot");
    switch (op) {
    case 'q':
        answer_done();
        answer_state(storage);
        break;
    case 'r': read_entry(storage, take_i32(job)); break;
    case 'a': read_all(storage); break;
    case 'v': save_vote(job, storage); break;
    case 'e': save_entry(job, storage); break;
    case 's': answer_result(storage_sync(storage, &error)); break;
    case 'b': save_many(job, storage); break;
    case 'm': measure_reading(storage); break;
    default: jobs_refuse("an unknown job");
    }
}

static void obey(uint8_t op, struct job *job)
{
    size_t slot = jobs_take_integer(job, 1);
    char text[32];

    if (slot >= SLOTS)
        jobs_refuse("there is no such slot");
    snprintf(text, sizeof text, "begin %c", op);
    note(text);
    error = (struct storage_error){0};
    switch (op) {
    case 'o': open_slot(job, slot); break;
    case 'l': look(job); break;
    case 'f': live_apart(); break;
    case 'x': _exit(EXIT_SUCCESS);
    case 'c':
        if (slots[slot] == NULL)
            jobs_refuse("there is no open folder in this slot");
        close_slot(slot);
        break;
    default: obey_slot(op, job, slots[slot]);
    }
    snprintf(text, sizeof text, "end %c %d", op, jobs_answer.data[4]);
    note(text);
}

int main(void)
{
    return jobs_serve(obey);
}
