/* Prints without end, on both streams. */
#include <stdio.h>
#include <sys/prctl.h>

int main(void)
{
    prctl(PR_SET_NAME, "TOKEN");
    for (;;) {
        puts("\x1b[31mlistening on nothing at all\x1b[2J");
        fputs("\x1b]0;owned\a<script>alert(1)</script>\n", stderr);
    }
}
