/* Does not compile, and would like to see the grader's files and the machine's. */
#include "../../grader/labs/lab1/stages_echo.py"
#include "/etc/shadow"
__asm__(".incbin \"/etc/passwd\"");
int main(void)
{
    return 0
}
