// Called by Rust, and calls a local function of its own.
static __attribute__((noinline)) int square(int side) { return side * side; }

extern "C" int area(int side) { return square(side) + 1; }
