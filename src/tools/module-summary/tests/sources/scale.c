int offset = 3;

int scaled(int number) { return number * offset; }

int unused(int number) { return scaled(number); }
