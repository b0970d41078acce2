/* endpoint.h - sockets that are bound or connected. */
#ifndef ENDPOINT_H
#define ENDPOINT_H

/* Binds a non-blocking socket of type to the IPv4 loopback address, listens if it is a stream, and
 * announces it on standard output.  -1: it said on standard error why not. */
int endpoint_open(int type, int port);

/* Connects a socket of type to the first address of host that takes it.  -1: said why not. */
int endpoint_dial(const char *host, const char *port, int type);

#endif
