"""The command line: options as data, values, one file per command.

Its files:

    the command      main options arguments settings
    values, results  values datafiles result writing timelimit
    the program      program evaluation meant gradients
    eval, run, repl  eval run documents repl atprompt
    diff             diff diffoutput diffexport problem shapeguess programhints tracing verify
    explain          explain explanation explaintrace explainformulas explainarrays explainorigin agreement missing
    explain's forms  explaintext explainmarkdown explainlatex explainjson
    matrices         jacobian products blocks
    check            check checking checked probing
    ops              ops opsheet
"""
