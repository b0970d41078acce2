/* message_driver.h - what the files of message_driver share. */
#ifndef MESSAGE_DRIVER_H
#define MESSAGE_DRIVER_H

#include "jobs.h"
#include "message_reader.h"

void answer_fields(const struct message *message);

/* Entries that are not hollow point into the job.  free_fields gives back the array of them. */
struct message take_fields(struct job *job, bool hollow);
void free_fields(struct message *message);

#endif
