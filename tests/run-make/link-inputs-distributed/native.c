int native_double(int value) { return 2 * value; }

int rust_triple(int value);

int native_sixfold(int value) { return rust_triple(native_double(value)); }
