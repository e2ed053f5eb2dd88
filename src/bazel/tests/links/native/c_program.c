#include <stdio.h>

int exported_by_dependency(int number);
int exported_by_library(void);

int main(void) { printf("%d %d\n", exported_by_dependency(1), exported_by_library()); }
