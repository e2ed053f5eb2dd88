// Distributed ThinLTO: the bitcode of a module and its thin-link summary.

#include "LLVMWrapper.h"

#include "llvm-c/Core.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/IPO/ThinLTOBitcodeWriter.h"

using namespace llvm;

// Serializes `M` once: its bitcode, with the summary and the module hash in it,
// goes to `Bitcode`, and the minimized bitcode that a thin link reads in its
// place goes to `Summary`. Both carry the same module hash. The caller owns all
// three; the strings are appended to.
extern "C" void LLVMRustWriteThinLinkBitcode(LLVMModuleRef M,
                                             RustStringRef Bitcode,
                                             RustStringRef Summary) {
  RawRustStringOstream BitcodeOS(Bitcode);
  RawRustStringOstream SummaryOS(Summary);

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

  ThinLTOBitcodeWriterPass(BitcodeOS, &SummaryOS).run(*unwrap(M), MAM);
}
