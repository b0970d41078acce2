/* net.h - the few socket calls that the labs need, with their sharp edges taken off.
 *
 * Each function returns a descriptor, a count or 0, or -1 with errno set.  None prints.
 * A descriptor that is returned is closed on exec, belongs to the caller, and is given
 * back with close(2).  A program that writes to sockets ignores SIGPIPE: signal(7). */
#ifndef NET_H
#define NET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Listens for TCP connections on 127.0.0.1:port (0: the kernel picks one, see net_port),
 * with a backlog of SOMAXCONN.  Sets SO_REUSEADDR, so that a restart does not wait for
 * TIME_WAIT: socket(7). */
int net_listen(uint16_t port);

/* Binds a UDP socket to 127.0.0.1:port (0: the kernel picks one). */
int net_bind_udp(uint16_t port);

/* The local port of a bound IPv4 socket, 1 to 65535, in host byte order:
 * getsockname(2). */
int net_port(int fd);

/* Takes the next established connection from the listener's queue; waits for one where
 * the listener blocks.  Goes on after EINTR, and after an error that concerns only the
 * connection that was about to be taken, such as ECONNABORTED: accept(2), "Error
 * handling".  EMFILE, ENFILE, ENOBUFS and ENOMEM are returned: the connection is still in
 * the queue, and only the caller knows what may be given up or waited for. */
int net_accept(int listener);

/* Connects to host:port, by name or number, IPv6 or IPv4, one address after the other
 * until one answers: getaddrinfo(3).  type is SOCK_STREAM (TCP), or SOCK_DGRAM (UDP:
 * nothing is sent, so the first address that fits is taken).  errno is that of the last
 * address, or EHOSTUNREACH for a name that can't be resolved. */
int net_connect(const char *host, const char *port, int type);

/* Reads what is there, at least one byte and at most len; waits where fd blocks, else
 * EAGAIN.  Goes on after EINTR.  0 is the end of input: the peer sends no more (it may
 * still receive). */
ssize_t net_read(int fd, void *data, size_t len);

/* Writes all len bytes to a descriptor that blocks, however many calls that takes:
 * write(2) may write less, or be interrupted. */
int net_write_all(int fd, const void *data, size_t len);

/* The port that text names in decimal digits, 0 to 65535; -1 with EINVAL for anything
 * else ("", "+1", "1x", "65536"). */
int net_parse_port(const char *text);

#endif
