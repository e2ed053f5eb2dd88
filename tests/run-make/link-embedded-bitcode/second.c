unsigned helper_second(void) { return 2; }
