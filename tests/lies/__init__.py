"""The lies that we can think of, each told where it would be told in the field, and what it must end in.

`field` runs the farm's own coordinator, gateway, lanes, links, agents, children, engine, journal and judge on
this machine; only Ray and SSH are left out. `tongues` holds the code that makes an agent lie. That the truth
passes is `test_honest`; that a board whose fp16 looks like fp16 passes is in `test_devices`.

===============================================  =====================================  =======================
lie                                              told by, or in                         must end in
===============================================  =====================================  =======================
fp16 asked, fp32 run, honest proofs              child's run-time configuration         N/A
fp16 asked, fp32 run, one proof forged           child and probe                        N/A, INCONCLUSIVE, ERROR
fp16 asked, fp32 run, every proof forged         child and probe; fp32's bits           ERROR
another cell's answers, kept by batch            child                                  ERROR
another cell opened, another batch asked about   agent                                  ERROR protocol
one model file for every cell                    agent                                  ERROR for the others
stale model under the right name                 device's store                         ERROR store-corrupt
 the same, loaded unseen                         device's store and child               FAIL
 the same                                        coordinator's variant cache            made anew; PASS
 the same, its hash forged too                   coordinator's variant cache            FAIL
stale samples under the right name               device's store                         ERROR store-corrupt
 the same, loaded unseen                         device's store and child               FAIL
variant is the fp32 file                         coordinator's variant cache            ERROR conversion-failed
variant holds the fp32 weights                   converter drops its flags              ERROR conversion-failed
what a variant answers here is gone              evidence folder                        INCONCLUSIVE
converter succeeds: no, empty, half, another     converter's process                    ERROR conversion-failed
 file, or is killed
permuted (classes, images), reversed, negated    child's answer                         FAIL
first image or first batch again                 child's answer                         FAIL
zeros, constant, one class for all               child's answer                         FAIL
NaN or infinity in one image                     child's answer                         FAIL, non-finite
integers called float32                          child's answer                         FAIL
an image or a class less or more, transposed,    child's answer                         ERROR output-mismatch
 an axis more, cut short
float16, float64, integers, another name         child's answer                         ERROR output-mismatch
no outputs, no images                            child's answer                         ERROR protocol
clock that runs backwards, or stands             child's clock; journal                 timing left out, PASS
outputs gone, or another cell's under the name   evidence folder                        ERROR evidence-missing
reference gone, never there, or empty            evidence folder, journal               ERROR evidence-missing
reference with fewer images, or a constant       evidence folder, journal               no PASS
labels gone, or never there                      evidence folder, journal               ERROR evidence-missing
fp32's outputs, or evidence, as another cell's   journal                                ERROR
images that were not answered, probe gone        journal                                ERROR, INCONCLUSIVE
verdict shared without equal outputs             journal                                no PASS
labels one class or one line off, from the end   samples' file                          INCONCLUSIVE, warning
samples in another order than labels             samples' file                          INCONCLUSIVE, warning
samples changed before a resume                  samples' file                          input error
BGR for RGB, normalisation missing, or twice     samples' file                          INCONCLUSIVE, warning
the same without labels, or costing too little   samples' file                          PASS: nobody can tell
thresholds that can never fail, or never pass    experiment                             input error
 the same, seen only with model and samples      experiment                             no PASS
===============================================  =====================================  =======================

What the arrays alone can lie about is in `tests.judge.test_lies`; what a device may say that is no protocol is in
`tests.fleet` and `tests.agent`.
"""
