#ifndef INCLUDED_RUSTC_LLVM_MODULERECORDS_H
#define INCLUDED_RUSTC_LLVM_MODULERECORDS_H

#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/ModuleSummaryIndex.h"

#include <string>

// What the records of a module say about it.
struct ModuleRecords {
  // Empty in summaries and indexes: only whole modules name their target.
  std::string Triple;
  // LLVM's hash of the module and its symbol names, which a thin-link summary
  // has as well. All zero if there is none.
  llvm::ModuleHash Hash = {};
};

// Reads the records of `Module`. The blocks between them, which are nearly all
// of the bitcode, are skipped by their lengths.
llvm::Expected<ModuleRecords>
readModuleRecords(const llvm::BitcodeModule &Module);

#endif // INCLUDED_RUSTC_LLVM_MODULERECORDS_H
