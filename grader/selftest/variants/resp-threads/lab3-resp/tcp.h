/* tcp.h - TCP with sockets that block.  A descriptor, a count or 0; or -1 with errno. */
#ifndef TCP_H
#define TCP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Listens on 127.0.0.1; port 0: any.  *bound is the port that it got. */
int tcp_listen(uint16_t port, uint16_t *bound);

/* The next connection.  While there are no descriptors it waits. */
int tcp_accept(int listener);

int tcp_connect(const char *host, const char *port);

/* At least one byte; 0 is the end. */
ssize_t tcp_receive(int fd, void *data, size_t len);

/* All len bytes. */
int tcp_send(int fd, const void *data, size_t len);

/* Ends in peace what the peer still writes to: FIN, then what comes is dropped, for a second. */
void tcp_finish(int fd);

/* 0 to 65535 in decimal, or -1. */
int tcp_parse_port(const char *text);

#endif
