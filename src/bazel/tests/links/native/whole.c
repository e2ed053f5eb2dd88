#include <stdlib.h>

// Nothing names this object, so it is only linked as a whole.
__attribute__((constructor)) static void set(void) { setenv("WHOLE", "linked", 1); }
