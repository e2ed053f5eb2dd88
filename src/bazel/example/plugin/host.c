#include <stddef.h>
#include <stdio.h>
#include <string.h>

ptrdiff_t census_words(const char *text, size_t len);

int main(void) {
    const char *text = "one two one";
    printf("%td\n", census_words(text, strlen(text)));
}
