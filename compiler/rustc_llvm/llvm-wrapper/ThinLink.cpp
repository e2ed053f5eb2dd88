// Distributed ThinLTO: the bitcode of a module, its thin-link summary, and the
// hash by which they are known to belong together.

#include "LLVMWrapper.h"
#include "ModuleRecords.h"

#include "llvm-c/Core.h"
#include "llvm/Analysis/ModuleSummaryAnalysis.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/ModuleSummaryIndex.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/IPO/ThinLTOBitcodeWriter.h"

using namespace llvm;

static void
withModuleAnalyses(function_ref<void(ModuleAnalysisManager &)> Callback) {
  LoopAnalysisManager LAM;
  FunctionAnalysisManager FAM;
  CGSCCAnalysisManager CGAM;
  ModuleAnalysisManager MAM;
  PassBuilder PB;
  PB.registerModuleAnalyses(MAM);
  PB.registerCGSCCAnalyses(CGAM);
  PB.registerFunctionAnalyses(FAM);
  PB.registerLoopAnalyses(LAM);
  PB.crossRegisterProxies(LAM, FAM, CGAM, MAM);
  Callback(MAM);
}

// Serializes `M` once: its bitcode, with the summary and the module hash in it,
// goes to `Bitcode`, and the minimized bitcode that a thin link reads in its
// place goes to `Summary`. Both carry the same module hash. The caller owns all
// three; the strings are appended to.
extern "C" void LLVMRustWriteThinLinkBitcode(LLVMModuleRef M,
                                             RustStringRef Bitcode,
                                             RustStringRef Summary) {
  RawRustStringOstream BitcodeOS(Bitcode);
  RawRustStringOstream SummaryOS(Summary);
  withModuleAnalyses([&](ModuleAnalysisManager &MAM) {
    ThinLTOBitcodeWriterPass(BitcodeOS, &SummaryOS).run(*unwrap(M), MAM);
  });
}

// Appends to `Summary` what `LLVMRustWriteThinLinkBitcode` would, but for bitcode
// that exists already: `M` was read from it, and `Hash` is its module hash.
extern "C" void LLVMRustWriteThinLinkSummary(LLVMModuleRef M,
                                             const uint32_t (*Hash)[5],
                                             RustStringRef Summary) {
  RawRustStringOstream SummaryOS(Summary);
  ModuleHash ModHash;
  llvm::copy(*Hash, ModHash.begin());
  withModuleAnalyses([&](ModuleAnalysisManager &MAM) {
    writeThinLinkBitcodeToFile(
        *unwrap(M), SummaryOS,
        MAM.getResult<ModuleSummaryIndexAnalysis>(*unwrap(M)), ModHash);
  });
}

static Expected<ModuleHash> readModuleHash(StringRef Bitcode) {
  Expected<std::vector<BitcodeModule>> Modules =
      getBitcodeModuleList(MemoryBufferRef(Bitcode, ""));
  if (!Modules)
    return Modules.takeError();
  // The second module of a split LTO unit has none.
  for (const BitcodeModule &Module : *Modules) {
    Expected<ModuleRecords> Records = readModuleRecords(Module);
    if (!Records)
      return Records.takeError();
    if (Records->Hash != ModuleHash())
      return Records->Hash;
  }
  return createStringError(inconvertibleErrorCode(), "it has no module hash");
}

// Stores the module hash in `Bitcode`, which has `Len` bytes. Returns `false` and
// sets the last error if there is none. The caller owns both.
extern "C" bool LLVMRustReadModuleHash(const char *Bitcode, size_t Len,
                                       uint32_t (*Hash)[5]) {
  Expected<ModuleHash> ModHash = readModuleHash(StringRef(Bitcode, Len));
  if (!ModHash) {
    LLVMRustSetLastError(toString(ModHash.takeError()).c_str());
    return false;
  }
  llvm::copy(*ModHash, *Hash);
  return true;
}
