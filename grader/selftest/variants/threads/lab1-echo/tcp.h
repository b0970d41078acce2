/* tcp.h - what the programs of this folder share. */
#ifndef TCP_H
#define TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* The port that text stands for, 0 to 65535, or -1. */
long tcp_port_from(const char *text);

/* Binds a socket of that type to 127.0.0.1:port, and listens where it can.  Prints `listening on
 * ADDRESS:PORT` on stdout; or returns -1, having said on stderr what failed. */
int tcp_listen_and_say_so(unsigned short port);
int udp_bind_and_say_so(unsigned short port);

/* The next connection; or -1, after a rest where descriptors or memory have run out. */
int tcp_accept(int listener);

/* False with errno set: the connection is broken. */
bool tcp_send_all(int fd, const void *bytes, size_t count);

#endif
