// Virtual calls, templates, a local function whose address is taken, an alias, and several linkages.
struct Shape {
  virtual int area() const = 0;
  virtual ~Shape() {}
};

struct Square : Shape {
  int side;
  explicit Square(int side) : side(side) {}
  int area() const override { return side * side; }
};

extern "C" int scaled(int number);
extern "C" int offset;

template <typename T> T twice(T number) { return number + number; }

static int local(int number) { return scaled(number) + 1; }

int (*pointer)(int) = local;

extern "C" __attribute__((weak)) int replaceable(int number) { return number; }

extern "C" __attribute__((noinline)) int never_inlined(int number) { return number * 7; }

extern "C" int aliased(int number) { return number + offset; }
extern "C" int alias(int) __attribute__((alias("aliased")));

__attribute__((noinline)) int area(const Shape &shape) { return twice(shape.area()) + replaceable(3); }

int main(int count, char **) {
  Square square(count);
  int sum = area(square) + pointer(count) + never_inlined(count) + alias(count);
  return sum == 12345;
}
