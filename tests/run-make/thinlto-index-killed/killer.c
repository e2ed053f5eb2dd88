// Usage: killer N PROGRAM ARGUMENTS. Runs the program and kills it, as `kill -9` does, when it is
// about to make the Nth of the system calls by which files get content or names. Exits as the
// program does, or with 9 if it was killed.

#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int changes_files(long call) {
  switch (call) {
  case SYS_write:
  case SYS_pwrite64:
  case SYS_ftruncate:
#ifdef SYS_rename
  case SYS_rename:
  case SYS_unlink:
#endif
  case SYS_renameat:
  case SYS_renameat2:
  case SYS_linkat:
  case SYS_unlinkat:
    return 1;
  }
  return 0;
}

int main(int count, char **arguments) {
  long left = atol(arguments[1]);
  int status;
  pid_t program = fork();
  if (program == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    execv(arguments[2], arguments + 2);
    _exit(127);
  }
  waitpid(program, &status, 0);
  if (ptrace(PTRACE_SETOPTIONS, program, NULL,
             PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL))
    return 126;
  ptrace(PTRACE_SYSCALL, program, NULL, NULL);
  while (1) {
    pid_t thread = waitpid(-1, &status, __WALL);
    if (thread == program && WIFEXITED(status))
      return WEXITSTATUS(status);
    if (thread == program && WIFSIGNALED(status))
      return WTERMSIG(status);
    if (!WIFSTOPPED(status))
      continue;
    long signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
      struct __ptrace_syscall_info call;
      ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof call, &call);
      if (call.op == PTRACE_SYSCALL_INFO_ENTRY && changes_files(call.entry.nr) && --left == 0) {
        kill(program, SIGKILL);
        continue;
      }
      signal = 0;
    } else if (signal == SIGTRAP || signal == SIGSTOP) {
      // Not the program's own: threads that start, and what ptrace says of them.
      signal = 0;
    }
    ptrace(PTRACE_SYSCALL, thread, NULL, signal);
  }
}
