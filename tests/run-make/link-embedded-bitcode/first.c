unsigned helper_first(void) { return 40; }
