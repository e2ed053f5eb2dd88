#ifndef MODULE_SUMMARY_TEXT_H
#define MODULE_SUMMARY_TEXT_H

#include "llvm/ADT/StringRef.h"

// Mirrors `Text` in src/llvm.rs: bytes that are borrowed for a call.
struct Text {
  const char *Start;
  size_t Length;

  Text(llvm::StringRef From) : Start(From.data()), Length(From.size()) {}
};

#endif
