int native(void) { return 7; }
