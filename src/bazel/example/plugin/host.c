#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

ptrdiff_t census_words(const char *text, size_t len);
bool census_is_valid(ptrdiff_t words);

int main(void) {
    const char *text = "one two one";
    ptrdiff_t words = census_words(text, strlen(text));
    if (!census_is_valid(words))
        return 1;
    printf("%td\n", words);
}
