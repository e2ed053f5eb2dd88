int from_shared(int number) { return number * 2; }
