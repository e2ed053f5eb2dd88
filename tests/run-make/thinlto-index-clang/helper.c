unsigned scale(unsigned value);

unsigned helper(unsigned value) {
  static unsigned calls;
  calls++;
  return scale(value) + calls;
}
