#include <stdio.h>

int library_answer(int value);

int main(void) {
    printf("%d\n", library_answer(9));
    return library_answer(1);
}
