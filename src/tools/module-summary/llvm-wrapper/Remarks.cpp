// Reads a file of optimization remarks, and calls a visitor in Rust
// (src/llvm/remarks.rs) for each of them.

#include "Text.h"

#include "llvm/Remarks/Remark.h"
#include "llvm/Remarks/RemarkParser.h"

using namespace llvm;

namespace {

// Mirrors `Entry` in src/llvm/remarks.rs.
struct Entry {
  Text Pass;
  Text Name;
  Text Function;
  bool IsPassed;
  // Empty and 0 without debug information.
  Text File;
  uint32_t Line;
};

// Mirrors `Visitor` in src/llvm/remarks.rs. Every function gets `Remarks`; an
// argument is that of the last remark.
struct Visitor {
  void *Remarks;
  void (*Remark)(void *, const Entry *);
  void (*Argument)(void *, Text Key, Text Value);
  void (*Error)(void *, Text Message);
};

Error visit(StringRef Text, const Visitor &To) {
  auto Parser = remarks::createRemarkParser(remarks::Format::YAML, Text);
  if (!Parser)
    return Parser.takeError();
  while (true) {
    auto Next = (*Parser)->next();
    if (!Next) {
      Error Err = Next.takeError();
      if (!Err.isA<remarks::EndOfFileError>())
        return Err;
      consumeError(std::move(Err));
      return Error::success();
    }
    const remarks::Remark &Remark = **Next;
    auto Place = Remark.Loc.value_or(remarks::RemarkLocation());
    Entry Entry = {Remark.PassName,
                   Remark.RemarkName,
                   Remark.FunctionName,
                   Remark.RemarkType == remarks::Type::Passed,
                   Place.SourceFilePath,
                   Place.SourceLine};
    To.Remark(To.Remarks, &Entry);
    for (const remarks::Argument &Argument : Remark.Args)
      To.Argument(To.Remarks, Argument.Key, Argument.Val);
  }
}

} // namespace

// Reads the YAML of remarks, which is borrowed for the call.
extern "C" void ModuleSummaryReadRemarks(const char *Data, size_t Length,
                                         const Visitor *To) {
  if (Error Err = visit(StringRef(Data, Length), *To)) {
    std::string Message = toString(std::move(Err));
    To->Error(To->Remarks, StringRef(Message));
  }
}
