int unused_in_archive(void) { return 1; }
int from_archive(int number) { return number + 1; }
