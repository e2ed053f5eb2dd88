; One function that says for which CPU it is, and one that does not.

target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-unknown-linux-gnu"

define i32 @silent(i32 %x) {
  %count = call i32 @llvm.ctpop.i32(i32 %x)
  ret i32 %count
}

define i32 @says(i32 %x) #0 {
  %count = call i32 @llvm.ctpop.i32(i32 %x)
  ret i32 %count
}

declare i32 @llvm.ctpop.i32(i32)

attributes #0 = { "target-cpu"="x86-64" }
