/* Tries to write outside, to reach the network, and to read what is not its own; says what it could do. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void try_open(const char *path, int flags)
{
    int fd = open(path, flags, 0600);

    if (fd >= 0)
        fprintf(stderr, "could open %s\n", path);
}

int main(void)
{
    struct sockaddr_in outside = {.sin_family = AF_INET,
                                  .sin_port = htons(53),
                                  .sin_addr.s_addr = htonl(0xC0000201)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    prctl(PR_SET_NAME, "TOKEN");
    if (connect(fd, (struct sockaddr *)&outside, sizeof outside) == 0)
        fprintf(stderr, "could reach 192.0.2.1\n");
    try_open("/etc/TOKEN", O_WRONLY | O_CREAT);
    try_open("/TOKEN", O_WRONLY | O_CREAT);
    try_open("/usr/TOKEN", O_WRONLY | O_CREAT);
    try_open("/lab/bin/TOKEN", O_WRONLY | O_CREAT);
    try_open("/lab/bin/keeper", O_WRONLY);
    try_open("/dev/TOKEN", O_WRONLY | O_CREAT);
    try_open("/root/.bashrc", O_RDONLY);
    try_open("/home", O_RDONLY);
    try_open("/proc/1/environ", O_RDONLY);
    try_open("/etc/shadow", O_RDONLY);
    fprintf(stderr, "uid %d\n", (int)getuid());
    return 3;
}
