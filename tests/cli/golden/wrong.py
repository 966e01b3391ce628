x = ones(2)
for i in range(3):
    y = x @ ones(3)
print(y)
