/* echo_threads.c - a thread a client, and one that writes the log.
 *
 * The journal is a ring behind a mutex, and a semaphore that counts what the logger has to do: one
 * post a record, and one for the first byte that was dropped.  The logger formats with snprintf and
 * writes a line with one write(2); it never holds the mutex while it does. */
#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CAPACITY = 16, NAME_SIZE = 32 };

struct entry {
    char name[NAME_SIZE];
    unsigned long bytes;
};

static struct {
    pthread_mutex_t mutex;
    sem_t work;
    struct entry ring[CAPACITY];
    unsigned long put, taken; /* how many ever */
    unsigned long dropped;
} journal = {.mutex = PTHREAD_MUTEX_INITIALIZER};

struct client {
    int fd;
    char name[NAME_SIZE];
};

static void note(const struct client *client, size_t bytes)
{
    bool post = true;

    pthread_mutex_lock(&journal.mutex);
    if (journal.put - journal.taken < CAPACITY) {
        struct entry *entry = &journal.ring[journal.put++ % CAPACITY];
        memcpy(entry->name, client->name, sizeof entry->name);
        entry->bytes = bytes;
    } else {
        post = journal.dropped == 0;
        journal.dropped += bytes;
    }
    pthread_mutex_unlock(&journal.mutex);
    if (post)
        sem_post(&journal.work);
}

/* Every post stands for a record or for the dropped: with neither left, it was seen to already. */
static int take(char *line, size_t size)
{
    int length = 0;

    pthread_mutex_lock(&journal.mutex);
    if (journal.taken != journal.put) {
        const struct entry *entry = &journal.ring[journal.taken++ % CAPACITY];
        length = snprintf(line, size, "%s %lu bytes\n", entry->name, entry->bytes);
    } else if (journal.dropped > 0) {
        length = snprintf(line, size, "dropped %lu bytes\n", journal.dropped);
        journal.dropped = 0;
    }
    pthread_mutex_unlock(&journal.mutex);
    return length;
}

static void *write_log(void *unused)
{
    (void)unused;
    for (;;) {
        char line[128];
        int length;
        while (sem_wait(&journal.work) != 0)
            ;
        length = take(line, sizeof line);
        for (int done = 0; done < length;) {
            ssize_t n = write(STDOUT_FILENO, line + done, (size_t)(length - done));
            if (n < 0 && errno != EINTR)
                break;
            if (n > 0)
                done += (int)n;
        }
    }
    return NULL;
}

static void *serve(void *argument)
{
    struct client *client = argument;
    char *buffer = malloc(4096);
    ssize_t got = buffer == NULL ? 0 : 1;

    while (got > 0) {
        do
            got = recv(client->fd, buffer, 4096, 0);
        while (got < 0 && errno == EINTR);
        if (got <= 0)
            break;
        note(client, (size_t)got);
        if (!tcp_send_all(client->fd, buffer, (size_t)got))
            break;
    }
    close(client->fd);
    free(buffer);
    free(client);
    return NULL;
}

static void welcome(int fd)
{
    struct client *client = malloc(sizeof *client);
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    char address[INET_ADDRSTRLEN];
    pthread_t thread;

    if (client != NULL && getpeername(fd, (struct sockaddr *)&peer, &size) == 0) {
        client->fd = fd;
        inet_ntop(AF_INET, &peer.sin_addr, address, sizeof address);
        snprintf(client->name, sizeof client->name, "%s:%d", address, ntohs(peer.sin_port));
        if (pthread_create(&thread, NULL, serve, client) == 0) {
            pthread_detach(thread);
            return;
        }
    }
    free(client);
    close(fd);
}

int main(int argc, char *argv[])
{
    long port = argc == 3 && strcmp(argv[1], "--port") == 0 ? tcp_port_from(argv[2]) : -1;
    pthread_t logger;

    if (port < 0) {
        fputs("usage: echo_threads --port N\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    sem_init(&journal.work, 0, 0);
    int listener = tcp_listen_and_say_so((unsigned short)port);
    if (listener < 0 || pthread_create(&logger, NULL, write_log, NULL) != 0)
        return 1;
    for (;;) {
        int fd = tcp_accept(listener);
        if (fd >= 0)
            welcome(fd);
    }
}
