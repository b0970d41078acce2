/* sim.h - what raft_sim and paxos_sim share: each server runs in a process of its own, so that
 * what one breaks no other sees.  Jobs and answers are framed as in jobs.h.
 *
 * Jobs to the program that was started:
 *     f  forks a server.  Before the answer comes a byte with two descriptors (unix(7), SCM_RIGHTS):
 *        the server's socket, and the file that it prints to.  Answer: u32 pid.
 *     e  u32 pid: ends that server, if it still runs.  Answer: i32 status, as of waitpid(2).
 * A server also ends with its socket, and with the program that forked it. */
#ifndef SIM_H
#define SIM_H

#include "jobs.h"

/* For main to return.  Jobs to a server, on its socket, are the calls of obey in its process. */
int sim_serve(char **argv, void (*obey)(uint8_t op, struct job *job));

/* An i32 of a job, and of an answer; u32 size | bytes of an answer. */
int32_t sim_take_number(struct job *job);
void sim_answer_number(int32_t number);
void sim_answer_bytes(const uint8_t *data, size_t len);

#endif
