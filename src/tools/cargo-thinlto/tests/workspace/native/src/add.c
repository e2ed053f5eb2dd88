unsigned native_add(unsigned left, unsigned right) { return left + right; }
