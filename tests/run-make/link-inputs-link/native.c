int native_double(int value) { return 2 * value; }

/* Only Rust code defines this, and only C code uses it. */
int rust_triple(int value);

int native_sixfold(int value) { return rust_triple(native_double(value)); }
